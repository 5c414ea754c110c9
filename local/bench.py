"""Builds what is measured, and measures it: `make bench`. Further arguments go to `bench`, as in `--rounds 3`."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import interrupts
from progress import Progress, StepFailed
from workspace import ROOT, STATE, VENVS, environment

OUR_FUNCTIONS = (
    "start-image-pipeline-execution",
    "start-resource-state-update",
    "start-image-builder",
    "start-streaming-session",
)
BUILT = (*OUR_FUNCTIONS, "bare")
FOLDER = STATE / "bench"
TABLE = FOLDER / "table.txt"
DOCUMENT = ROOT / "docs" / "benchmarks.md"


def main(arguments: list[str]) -> int:
    interrupts.install()
    TABLE.unlink(missing_ok=True)
    try:
        measure(arguments)
    except StepFailed as failure:
        # Where there is a table, all was measured, and only something in it is not as it must be.
        print(f"\n{table() or failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\n{table()}")
    return 0


def measure(arguments: list[str]) -> None:
    progress = Progress(len(BUILT) + 2)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    # One at a time: built together, each would have the features that any of them asks for.
    for name in BUILT:
        with progress.step(f"build {name}, as it is deployed") as step:
            step.run(
                ["cargo", "build", "--release", "--package", name], FOLDER / "build.log", environment(), ROOT
            )
    with progress.step("build the simulator and the store") as step:
        step.run(
            ["cargo", "build", "--profile", "measure", "--package", "bench"],
            FOLDER / "build.log", environment(), ROOT,
        )
    binaries = target / "release"
    zips = [f"--zip={name}={zipped_size(binaries / name)}" for name in BUILT]
    with progress.step("measure, about five minutes") as step:
        step.run(
            command(target, binaries, FOLDER, DOCUMENT, [*zips, *arguments]),
            FOLDER / "bench.log", environment(), ROOT,
        )


def command(target: Path, binaries: Path, folder: Path, document: Path, arguments: list[str]) -> list[str | Path]:
    """What measures the binaries of a folder."""
    return [
        target / "measure" / "bench",
        "--binaries", binaries,
        "--python", VENVS / "rival" / "bin" / "python",
        "--rival", ROOT / "local" / "bench" / "rival",
        "--state", folder,
        "--document", document,
        "--commit", commit(),
        *arguments,
    ]


def zipped_size(binary: Path) -> int:
    """The bytes of a deployment package that holds the binary by itself."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.write(binary, "bootstrap")
    return len(package.getvalue())


def commit() -> str:
    """What is built, and whether anything but the document itself differs from it."""
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", ".", f":!{DOCUMENT.relative_to(ROOT)}")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def table() -> str:
    return TABLE.read_text() if TABLE.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
