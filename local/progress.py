"""Shows a person that work goes on, and runs the long commands that it consists of."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

QUIET_INTERVAL = 10.0  # seconds between signs of life where no line can be rewritten
TAIL_LINES = 30
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class StepFailed(Exception):
    """A step could not be done; the text says which and why."""


class Progress:
    """Numbers the steps of one piece of work and shows how long each takes."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.step_number = 0
        self.live = sys.stdout.isatty()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        self.step_number += 1
        step = Step(f"[{self.step_number}/{self.steps}] {title}", self.live)
        try:
            yield step
        except BaseException:
            step.end("stopped")
            raise
        step.end("done")


class Step:
    """One step: a heading, a line that moves while it lasts, and the time it took."""

    def __init__(self, heading: str, live: bool) -> None:
        self.heading = heading
        self.live = live
        self.started = time.monotonic()
        self.last_shown = self.started
        if live:
            self.alive("")
        else:
            print(heading, flush=True)

    def run(
        self, command: Sequence[str | Path], log: Path, env: Mapping[str, str], cwd: Path,
        detail: Callable[[], str] | None = None,
    ) -> None:
        """Runs a command with its output in a log, of which the last line is shown, unless there is a better detail."""
        if not shutil.which(str(command[0]), path=env.get("PATH")):
            raise StepFailed(f"found no `{command[0]}`, expected it to be installed and on the path")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as output:
            child = subprocess.Popen(
                [str(word) for word in command], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=dict(env), cwd=cwd, start_new_session=True,
            )
        try:
            while child.poll() is None:
                self.alive(detail() if detail else last_line(log))
                time.sleep(0.2)
        except BaseException:
            kill_group(child)
            raise
        if child.returncode:
            raise StepFailed(
                f"`{' '.join(str(word) for word in command)}` ended with exit code {child.returncode}, expected 0; "
                f"the end of its output ({log}):\n\n{tail(log)}"
            )

    def alive(self, detail: str) -> None:
        """Shows that the step is still being worked on."""
        now = time.monotonic()
        if self.live:
            self._rewrite(f"{self.heading}  {elapsed(now - self.started)}  {detail}")
        elif now - self.last_shown >= QUIET_INTERVAL:
            self.last_shown = now
            print(shortened(f"      {elapsed(now - self.started):>8}  {detail}"), flush=True)

    def end(self, word: str) -> None:
        duration = elapsed(time.monotonic() - self.started)
        if self.live:
            self._rewrite(f"{self.heading}  {word} in {duration}")
            print(flush=True)
        else:
            print(f"      {word} in {duration}", flush=True)

    def _rewrite(self, line: str) -> None:
        print(f"\r\x1b[K{shortened(line)}", end="", flush=True)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Ends whatever a command of ours has left running, such as compilers after an interruption."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def last_line(log: Path) -> str:
    lines = tail(log, 1)
    return lines.strip()


def tail(log: Path, count: int = TAIL_LINES) -> str:
    with log.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - 16384))
        text = stream.read().decode(errors="replace")
    lines = [line for line in ESCAPES.sub("", text).replace("\r", "\n").splitlines() if line.strip()]
    return "\n".join(lines[-count:])


def shortened(line: str) -> str:
    width = shutil.get_terminal_size((100, 24)).columns - 1
    return line if len(line) <= width else line[: width - 3] + "..."


def elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} m {rest:02} s" if minutes else f"{rest} s"
