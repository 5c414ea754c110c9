"""Builds a function under each candidate release profile, and prints what it costs and what it gives.

Each is built from nothing, so that the build times compare; what was built is removed again. The first
row is the profile of Cargo.toml. A warm batch is one of ten new wishes, in milliseconds of the processor's
time, as `bench` measures it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bench
from workspace import ROOT, STATE, environment

PACKAGE = "start-image-pipeline-execution"
PROFILES = {
    "as in Cargo.toml": {},
    'opt-level = "s"': {"OPT_LEVEL": "s"},
    'opt-level = "z"': {"OPT_LEVEL": "z"},
    "opt-level = 2": {"OPT_LEVEL": "2"},
    'lto = "thin"': {"LTO": "thin"},
}
STARTS = 101
TURNS = 3
WARM_BATCH = "processor time of a warm batch of 10 new wishes, ms"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "function", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_LOG_GROUP_NAME": "group",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream", "LEDGER_TABLE": "ledger",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/queue",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/dead",
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PROFILES]
    if unknown:
        print(f"unknown profile {unknown[0]}, expected one of: {'; '.join(PROFILES)}", file=sys.stderr)
        return 2
    built = {name: build(name) for name in names or PROFILES}
    starts = by_turns(STARTS, built, milliseconds_to_first_poll)
    target = apparatus()
    batches = by_turns(TURNS, built, lambda binary: milliseconds_of_a_warm_batch(target, binary))
    print("| profile | binary | zip | start | warm batch | build |\n|---|---|---|---|---|---|")
    for name, (binary, seconds) in built.items():
        print(
            f"| {name} | {binary.stat().st_size / 1e6:.2f} MB | {bench.zipped_size(binary) / 1e6:.2f} MB "
            f"| {starts[name]:.2f} ms | {batches[name]:.2f} ms | {seconds:.0f} s |"
        )
    return 0


def by_turns(
    turns: int, built: dict[str, tuple[Path, float]], measure: Callable[[Path], float]
) -> dict[str, float]:
    """The median of each profile's binary, so that whatever else the machine does meets all of them."""
    measured: dict[str, list[float]] = {name: [] for name in built}
    print(f"measuring, {turns} times each", file=sys.stderr)
    for _ in range(turns):
        for name, (binary, _) in built.items():
            measured[name].append(measure(binary))
    return {name: statistics.median(values) for name, values in measured.items()}


def build(name: str) -> tuple[Path, float]:
    """The binary, and how many seconds its build took."""
    print(f"building with {name}", file=sys.stderr)
    target = STATE / "profiles"
    shutil.rmtree(target, ignore_errors=True)
    variables = {f"CARGO_PROFILE_RELEASE_{key}": value for key, value in PROFILES[name].items()}
    began = time.monotonic()
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "--quiet", "--package", PACKAGE, "--target-dir", target],
        cwd=ROOT, env=environment() | variables, check=True,
    )
    seconds = time.monotonic() - began
    binary = STATE / "profiled" / str(list(PROFILES).index(name)) / PACKAGE
    binary.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(target / "release" / PACKAGE, binary)
    shutil.rmtree(target)
    return binary, seconds


def milliseconds_to_first_poll(binary: Path) -> float:
    """From process start until the function asks the Runtime API for its first event."""
    with socket.create_server(("127.0.0.1", 0)) as server, open(os.devnull, "wb") as nowhere:
        server.settimeout(10)
        variables = ENVIRONMENT | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.getsockname()[1]}"}
        silence = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), output) for output in (1, 2)]
        began = time.perf_counter()
        process = os.posix_spawn(binary, [str(binary)], variables, file_actions=silence)
        try:
            with server.accept()[0] as connection:
                request = connection.recv(4096)
            taken = time.perf_counter() - began
        finally:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
    if b"/runtime/invocation/next" not in request:
        raise SystemExit(f"{binary}: expected a poll for the first event, found {request[:80]!r}")
    return taken * 1000


def apparatus() -> Path:
    """Builds what `bench` needs beside the function. Returns the folder of what is built."""
    print("building what measures a batch", file=sys.stderr)
    for profile, package in (("release", "bare"), ("measure", "bench")):
        command = ["cargo", "build", "--profile", profile, "--quiet", "--package", package]
        subprocess.run(command, cwd=ROOT, env=environment(), check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def milliseconds_of_a_warm_batch(target: Path, binary: Path) -> float:
    """Of the processor's time, the median of one round."""
    folder = binary.parent
    shutil.copy(target / "release" / "bare", folder)
    document = folder / "benchmarks.md"
    arguments = ["--rounds", "1", "--wishes", "10000", *(f"--zip={name}=0" for name in bench.BUILT)]
    with (folder / "bench.log").open("w") as log:
        subprocess.run(
            bench.command(target, folder, folder, document, arguments),
            cwd=ROOT, env=environment(), stdout=log, stderr=log, check=True,
        )
    rows = [line.split("|") for line in document.read_text().splitlines() if line.startswith(f"| {WARM_BATCH} ")]
    return float(rows[0][4].split()[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
