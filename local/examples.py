"""The examples in events/, and the world in which what they name exists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from workspace import ROOT

EVENTS = ROOT / "events"


def event(function: str, name: str) -> dict[str, Any]:
    return json.loads((EVENTS / function / f"{name}.json").read_text())


def intents(value: Any) -> Iterator[dict[str, Any]]:
    """Every intent in an event, a message's body, or a list of them."""
    if isinstance(value, dict):
        if target(value):
            yield value
        for part in value.values():
            yield from intents(part)
    elif isinstance(value, list):
        for part in value:
            yield from intents(part)
    elif isinstance(value, str) and value.startswith("{"):
        yield from intents(parsed(value))


def target(intent: dict[str, Any]) -> str:
    """What the intent is about, as the ledger and the simulator name it."""
    if "studioId" in intent:
        return f"{intent['studioId']}/{intent['sessionId']}"
    return intent.get("imagePipelineArn") or intent.get("resourceArn") or intent.get("Name") or ""


def world() -> list[str]:
    """The simulator's arguments with which everything exists that an example names, and nothing is at work."""
    found = (intents(json.loads(path.read_text())) for path in sorted(EVENTS.glob("*/*.json")))
    flags = {existing(intent): None for all_of_one in found for intent in all_of_one}
    return [word for flag in flags for word in flag]


def existing(intent: dict[str, Any]) -> tuple[str, str]:
    name = target(intent)
    if "imagePipelineArn" in intent:
        return "--pipeline", name
    if "resourceArn" in intent:
        return "--image", f"{name}=AVAILABLE"
    return "--session" if "studioId" in intent else "--image-builder", f"{name}=STOPPED"


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
