"""Breaks, one at a time, the lines on which once and never lost rest, and fails where no test notices.

Works on a copy of the sources, so that nothing is left broken however it ends.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import interrupts
from progress import Progress, StepFailed
from workspace import ROOT, STATE, environment

COPY = STATE / "mutants"
PACKAGES = ("shared", "start-image-pipeline-execution")


@dataclass(frozen=True)
class Mutant:
    """A line that says something, and one that no longer does."""

    says: str
    file: str
    line: str
    broken: str


MUTANTS = (
    Mutant(
        "only the owner of a claim settles it", "shared/src/ledger/settlement.rs",
        '("owner", text(&lease.owner)),',
        "",
    ),
    Mutant(
        "a lease keeps others out until it ends", "shared/src/ledger/claim.rs",
        "(stored.claimable_from < self.now && is_same",
        "(is_same",
    ),
    Mutant(
        "a token stands for one request", "shared/src/ledger/claim.rs",
        "let is_same = stored.fingerprint.as_deref() == Some(self.claimant.fingerprint);",
        "let is_same = stored.fingerprint.is_some();",
    ),
    Mutant(
        "a wish without a token has one by where it came from", "shared/src/token.rs",
        r"{operation}\n{target}\n{source}\n{ordinal}",
        r"{operation}\n{target}\n{ordinal}",
    ),
    Mutant(
        "a worker that died leaves a doubt", "shared/src/ledger.rs",
        "self.doubt_since = stored.doubt_since;",
        "self.doubt_since = None;",
    ),
    Mutant(
        "a call of unknown outcome begins a doubt", "shared/src/driver/decision.rs",
        "let in_doubt = lease.doubt_since.or(begun);",
        "let in_doubt = lease.doubt_since.or(begun.filter(|_| false));",
    ),
    Mutant(
        "a repeat's answer does not tell what became of the request before it", "shared/src/operation.rs",
        "if in_doubt { failure.after_doubt() } else { failure }",
        "if in_doubt { failure } else { failure }",
    ),
    Mutant(
        "what fails for good in doubt may have been carried out", "shared/src/driver/decision.rs",
        "let reason = in_doubt.map_or(reason.clone(), |since| unknown(since, &reason));",
        "let reason = in_doubt.map_or(reason.clone(), |_| reason.clone());",
    ),
    Mutant(
        "only a person opens a wish of unknown outcome", "shared/src/ledger/settlement.rs",
        "Status::Rejected if reason.as_ref().is_some_and(Reason::is_outcome_unknown) => {",
        "Status::Rejected if reason.as_ref().is_some_and(|_| false) => {",
    ),
    Mutant(
        "a claim takes only the item that it has read", "shared/src/ledger/claim.rs",
        "conditions: [key].into_iter().chain(version.clone()).collect(),",
        "conditions: [key].into_iter().chain(version.clone().into_iter().take(0)).collect(),",
    ),
    Mutant(
        "what is reported is in the dead-letter queue before it is acknowledged", "shared/src/driver.rs",
        "Self::Acknowledged => Err(failure),",
        "Self::Acknowledged => { drop(failure); Ok(self) }",
    ),
    Mutant(
        "nothing is sent after the deadline", "shared/src/operation.rs",
        "_ if now >= self.send_before =>",
        "_ if now >= self.send_before + Duration::from_hours(1) =>",
    ),
)


def main() -> int:
    interrupts.install()
    progress = Progress(len(MUTANTS))
    survivors = []
    try:
        for mutant in MUTANTS:
            with progress.step(f"without: {mutant.says}") as step:
                copy()
                mend = break_line(mutant)
                log = COPY / "test.log"
                step.run(["cargo", "build", "--tests", *packages()], log, built(), COPY)
                if survives(log):
                    survivors.append(mutant)
                mend()
    except StepFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    for mutant in survivors:
        print(f"no test notices: {mutant.file} without `{mutant.line}` ({mutant.says})", file=sys.stderr)
    print(f"\nbroken on purpose: {len(MUTANTS)} lines, noticed by a test: {len(MUTANTS) - len(survivors)}")
    return 1 if survivors else 0


def copy() -> None:
    """The files that git knows or would take, as they are now; unchanged ones keep their times."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, COPY / name
        if source.is_file() and not same(source, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def same(source: Path, target: Path) -> bool:
    return target.is_file() and source.read_bytes() == target.read_bytes()


def break_line(mutant: Mutant):
    path = COPY / mutant.file
    text = path.read_text()
    if text.count(mutant.line) != 1:
        raise StepFailed(f"found `{mutant.line}` {text.count(mutant.line)} times in {mutant.file}, expected it once")
    path.write_text(text.replace(mutant.line, mutant.broken))
    return lambda: path.write_text(text)


def survives(log: Path) -> bool:
    with log.open("a") as output:
        tests = subprocess.run(
            ["cargo", "test", "--quiet", *packages()], cwd=COPY, env=built(), stdout=output, stderr=output, check=False,
        )
    return tests.returncode == 0


def packages() -> list[str]:
    return [word for package in PACKAGES for word in ("--package", package)]


def built() -> dict[str, str]:
    # The dependencies are compiled already.
    return environment() | {"CARGO_TARGET_DIR": str(ROOT / "target")}


if __name__ == "__main__":
    sys.exit(main())
