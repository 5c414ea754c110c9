"""Builds a function under each candidate release profile, and prints what it costs and what it gives.

Each is built from nothing, so that the build times compare; what was built is removed again. The first
row is the profile of Cargo.toml.
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
from pathlib import Path

from bench import zipped_size
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
    starts = {name: [] for name in built}
    # By turns, so that whatever else the machine does meets all of them.
    for _ in range(STARTS):
        for name, (binary, _) in built.items():
            starts[name].append(milliseconds_to_first_poll(binary))
    print("| profile | binary | zip | start, median | build |\n|---|---|---|---|---|")
    for name, (binary, seconds) in built.items():
        print(
            f"| {name} | {binary.stat().st_size / 1e6:.2f} MB | {zipped_size(binary) / 1e6:.2f} MB "
            f"| {statistics.median(starts[name]):.2f} ms | {seconds:.0f} s |"
        )
    return 0


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
    binary = STATE / f"bootstrap-{list(PROFILES).index(name)}"
    shutil.move(target / "release" / PACKAGE, binary)
    shutil.rmtree(target)
    return binary, seconds


def milliseconds_to_first_poll(binary: Path) -> float:
    """From process start until the function asks the Runtime API for its first event."""
    with socket.create_server(("127.0.0.1", 0)) as server, open(os.devnull, "wb") as nowhere:
        server.settimeout(10)
        variables = ENVIRONMENT | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.getsockname()[1]}"}
        silence = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)]
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
