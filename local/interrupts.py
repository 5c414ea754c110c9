"""Turns every way of being asked to stop into KeyboardInterrupt, and never in the middle of something."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_held = 0
_pending = False


def install() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _handle)


@contextmanager
def held(*, drop: bool = False) -> Iterator[None]:
    """Holds an interruption back until the block has ended; `drop` forgets it, for clearing up."""
    global _held, _pending
    _held += 1
    try:
        yield
    finally:
        _held -= 1
        pending, _pending = _pending and _held == 0, _pending and _held > 0
        if pending and not drop:
            raise KeyboardInterrupt


def _handle(_number: int, _frame: FrameType | None) -> None:
    global _pending
    if _held:
        _pending = True
    else:
        raise KeyboardInterrupt
