"""Processes that outlive the command that started them, and that are certainly ended again.

Each is the leader of its own process group, so that what it starts itself (MiniStack runs every
function as a process) ends with it. They are told apart by their number and start time together, so
that a number used again by somebody else is left alone. Reads /proc, so Linux only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 10.0  # seconds between asking a process to end and ending it


@dataclass(frozen=True)
class Process:
    name: str
    pid: int
    start_time: int  # clock ticks after boot, as /proc has it

    def is_running(self) -> bool:
        found = stat(self.pid)
        return found is not None and found.start_time == self.start_time and found.state != "Z"


def start(name: str, command: Sequence[str | Path], env: Mapping[str, str], log: Path, cwd: Path) -> Process:
    with log.open("w") as output:
        child = subprocess.Popen(
            [str(word) for word in command], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=dict(env), cwd=cwd, start_new_session=True,
        )
    found = stat(child.pid)
    return Process(name, child.pid, found.start_time if found else 0)


def stop(processes: Iterable[Process]) -> list[str]:
    """Ends the processes with all that they started; answers with the names of those still there."""
    groups = [process for process in processes if owns_its_number(process)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in groups:
            signal_group(process.pid, number)
        wait_until_gone(groups)
        groups = [process for process in groups if members(process.pid)]
        if not groups:
            break
    return [process.name for process in groups]


def owns_its_number(process: Process) -> bool:
    """A number is not given out again while its group lives, so only a new owner says "not ours"."""
    found = stat(process.pid)
    return found is None or found.start_time == process.start_time


def signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def wait_until_gone(groups: list[Process]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and any(members(process.pid) for process in groups):
        for process in groups:
            reap(process.pid)
        time.sleep(0.05)


def members(group: int) -> list[int]:
    found = (stat(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
    return [entry.pid for entry in found if entry and entry.group == group and entry.state != "Z"]


def reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


@dataclass(frozen=True)
class Stat:
    pid: int
    state: str
    group: int
    start_time: int


def stat(pid: int) -> Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may itself hold blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    return Stat(pid, state=fields[0], group=int(fields[2]), start_time=int(fields[19]))
