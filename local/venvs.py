"""Makes the Python environments that our tools live in: `python3 local/venvs.py tools emulator rival`.

There are several because the SAM CLI and MiniStack ask for different versions of the same libraries, and
because what the benchmark measures us beside should be what its users install.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
from pathlib import Path

import interrupts
from progress import Progress, Step, StepFailed
from workspace import ROOT, STATE, VENVS, environment

# What a newcomer wants to know before waiting.
SIZES = {"tools": "790 MB", "emulator": "215 MB", "rival": "75 MB"}


def main(names: list[str]) -> int:
    if sys.version_info < (3, 11):
        print(f"found Python {sys.version.split()[0]}, expected 3.11 or later", file=sys.stderr)
        return 1
    interrupts.install()
    VENVS.mkdir(parents=True, exist_ok=True)
    # Two runs of make must not fill the same directory.
    with (VENVS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [name for name in names if not is_ready(name)]
        progress = Progress(len(missing))
        try:
            for name in missing:
                with progress.step(f"install Python packages: {name} (once, {SIZES[name]})") as step:
                    make(name, step)
        except StepFailed as failure:
            print(f"\n{failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


def is_ready(name: str) -> bool:
    mark = ready_mark(name)
    return mark.is_file() and mark.read_text() == wanted(name)


def make(name: str, step: Step) -> None:
    """Starts from nothing each time: an interrupted or outdated environment is not worth mending."""
    venv, log = VENVS / name, STATE / "log" / f"venv-{name}.log"
    shutil.rmtree(venv, ignore_errors=True)
    step.run([sys.executable, "-m", "venv", venv], log, environment(), ROOT)
    step.run(
        [venv / "bin" / "python", "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
         "--progress-bar", "off", "--requirement", requirements(name)],
        log, environment(), ROOT,
    )
    ready_mark(name).write_text(wanted(name))


def wanted(name: str) -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{python} {hashlib.sha256(requirements(name).read_bytes()).hexdigest()}\n"


def requirements(name: str) -> Path:
    return ROOT / "local" / "requirements" / f"{name}.txt"


def ready_mark(name: str) -> Path:
    """Written last, so that what is half made is made again."""
    return VENVS / name / "ready"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
