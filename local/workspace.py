"""Where things are in the repository, and the environment that our tools run in."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / "local" / ".state"
VENVS = ROOT / "local" / ".venv"
REGION = "us-east-1"
ACCESS_KEY = SECRET_KEY = "test"


def environment() -> dict[str, str]:
    """Nothing here may reach an AWS account, fetch a toolchain, or report on its use."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        # cargo-lambda looks for zig in the first python3 on the path.
        "PATH": f"{VENVS / 'tools' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "RUSTUP_DIST_SERVER": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(STATE / "sam"),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
