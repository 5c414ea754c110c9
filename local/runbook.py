"""Runs what the documents tell an operator to type, on a stack of this machine.

A command is a line that begins with `$ ` in a block fenced as console. It must end with exit code 0,
unless a comment at its end says otherwise: `# exits with 1`, or `# exits with 0 or 1`. Blocks fenced
otherwise are for a real account, and are not run.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from progress import Step, StepFailed
from stack import Stack
from workspace import ROOT

DOCUMENTS = (ROOT / "docs" / "operations.md", ROOT / "README.md")
PROGRAMS = ROOT / "target" / "debug"  # where `reveille` was built
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXITS_WITH = re.compile(r"# exits with (\d(?: or \d)*)")
ENDS_WITHIN = 60.0  # seconds


@dataclass(frozen=True)
class Command:
    """One line of a document."""

    text: str
    codes: frozenset[int] = frozenset({0})

    def run(self, environment: dict[str, str]) -> str:
        """What it printed."""
        try:
            done = subprocess.run(
                ["bash", "-c", self.text], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=ENDS_WITHIN,
            )
        except subprocess.TimeoutExpired as late:
            raise StepFailed(f"`{self.text}` did not end within {ENDS_WITHIN:.0f} s; its output:\n\n{late.stdout}") from None
        if done.returncode not in self.codes:
            expected = " or ".join(map(str, sorted(self.codes)))
            raise StepFailed(
                f"`{self.text}` ended with exit code {done.returncode}, expected {expected}; its output:\n\n{done.stdout}"
            )
        return done.stdout


def run(stack: Stack, step: Step) -> int:
    """Runs every command of the documents in their order, and says how many there were."""
    variables = environment(stack)
    found = [command for document in DOCUMENTS for command in commands(document)]
    for command in found:
        step.alive(command.text)
        command.run(variables)
    return len(found)


def environment(stack: Stack) -> dict[str, str]:
    """What an operator's shell has."""
    found = stack.environment() | stack.outputs
    return found | {"PATH": f"{PROGRAMS}{os.pathsep}{found['PATH']}"}


def commands(document: Path) -> Iterator[Command]:
    """The commands of a document, which has one at least."""
    lines = [line for block in BLOCK.findall(document.read_text()) for line in block.splitlines()]
    found = [command(line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]
    if not found:
        raise StepFailed(f"found no command in a console block of {document}, expected one")
    yield from found


def command(text: str) -> Command:
    codes = EXITS_WITH.search(text)
    return Command(text, frozenset(map(int, codes[1].split(" or ")))) if codes else Command(text)
