"""Shows that wishes which are delivered many times are carried out once, and fails when that is not so.

The real template and the real binary run on MiniStack, against the Image Builder simulator. What is
delivered is in `Demo.deliver`, `Demo.deliver_again` and the schedule; what must come of it is in
LEDGER and DEAD_LETTERS.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import textwrap
import time
from dataclasses import dataclass, field
from typing import Any

import interrupts
from progress import Progress, Step, StepFailed
from stack import EVENTS, STEPS, Stack, get_json

OPERATION = "StartImagePipelineExecution"
ARN = "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/"
ENDS_WITHIN = 300.0  # seconds; a duplicate that meets its twin at work waits for two minutes
SCHEDULE_IN = 20  # seconds, of which deploying takes about ten


@dataclass(frozen=True)
class Wish:
    """What the ledger must say of one wish in the end."""

    status: str
    deliveries: int
    builds: int
    failed_attempts: int = 0  # what the ledger calls attempts: those that did not settle the wish
    error: str = ""


LEDGER = {
    "golden-linux": Wish("STARTED", deliveries=4, builds=1),
    "golden-container": Wish("STARTED", deliveries=1, builds=1),
    "golden-database": Wish("STARTED", deliveries=2, builds=1),
    "golden-web": Wish("STARTED", deliveries=2, builds=1),
    "nightly-linux": Wish("STARTED", deliveries=1, builds=1),
    "nightly-windows": Wish("STARTED", deliveries=1, builds=1),
    "golden-desktop": Wish("REJECTED", deliveries=1, builds=0, error="Expired"),
    "no-such-pipeline": Wish("REJECTED", deliveries=1, builds=0, error="ResourceNotFoundException"),
}
# A body that is not JSON names no wish, so only its dead letter tells of it.
DEAD_LETTERS = sorted(["MalformedBody", *(wish.error for wish in LEDGER.values() if wish.error)])
DELIVERIES = sum(wish.deliveries for wish in LEDGER.values()) + 1
PIPELINES = [ARN + target for target, wish in LEDGER.items() if wish.error != "ResourceNotFoundException"]


def main() -> int:
    interrupts.install()
    stack = Stack("demo")
    try:
        with stack.locked():
            try:
                return run(stack)
            finally:
                stack.down()
    except StepFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was left running", file=sys.stderr)
        return 130


def run(stack: Stack) -> int:
    started = time.monotonic()
    progress = Progress(STEPS + 3)
    stack.up(progress, PIPELINES, schedule)
    demo = Demo(stack)
    with progress.step("deliver wishes by queue, EventBridge and direct invocation"):
        demo.deliver()
    with progress.step("follow them, and the schedule's, to their end") as step:
        demo.follow(step)
    with progress.step("deliver finished wishes again, by all three ways") as step:
        demo.deliver_again(step)
    found = demo.outcome()
    report(found)
    return verdict(differences(found), time.monotonic() - started)


def schedule() -> dict[str, str]:
    """A schedule that fires once, soon, with the intents of the example."""
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=SCHEDULE_IN)
    return {
        f"{OPERATION}ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})",
        f"{OPERATION}Intents": json.dumps(event("schedule")["intents"], separators=(",", ":")),
    }


@dataclass
class Outcome:
    ledger: list[dict[str, Any]]
    dead_letters: list[dict[str, str]]
    builds: dict[str, int]
    repeated_calls: int
    repeated: list[dict[str, Any]]
    waiting: int


@dataclass
class Demo:
    stack: Stack
    repeated_calls: int = 0
    repeated: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dynamodb = self.stack.client("dynamodb")
        self.function = self.stack.client("lambda")
        self.sqs = self.stack.client("sqs")
        self.table = self.stack.outputs["LedgerTable"]
        self.function_name = self.stack.outputs[f"{OPERATION}FunctionName"]
        self.queue = self.stack.outputs[f"{OPERATION}QueueUrl"]
        self.dead_letter_queue = self.stack.outputs[f"{OPERATION}DeadLetterQueueUrl"]

    def deliver(self) -> None:
        good, duplicate, malformed, expired = (record["body"] for record in event("queue-batch")["Records"])
        other = json.dumps({"imagePipelineArn": f"{ARN}golden-container"})
        unknown = json.dumps({"imagePipelineArn": f"{ARN}no-such-pipeline"})
        self.send(good, duplicate, good, malformed, expired, other, unknown)
        self.invoke("eventbridge", wait=False)
        self.invoke("direct", wait=True)

    def follow(self, step: Step) -> None:
        """Waits until nothing moves any more, or for long enough."""
        deadline = time.monotonic() + ENDS_WITHIN
        while time.monotonic() < deadline:
            ended = sum(item["status"] in ("STARTED", "REJECTED", "SKIPPED", "CANCELLED") for item in self.ledger())
            dead, waiting = self.count(self.dead_letter_queue), self.count(self.queue)
            if ended >= len(LEDGER) and dead >= len(DEAD_LETTERS) and not waiting:
                return
            # A duplicate in another batch than its twin is put off until the twin's lease would end.
            detail = f"{waiting} messages waiting (a duplicate that met its twin at work waits 2 minutes)"
            step.alive(f"{ended} of {len(LEDGER)} wishes ended, {detail if waiting else f'{dead} dead letters'}")
            time.sleep(0.5)

    def deliver_again(self, step: Step) -> None:
        calls = self.calls()
        self.send(event("queue-batch")["Records"][0]["body"])
        self.repeated = [self.invoke(name, wait=True) for name in ("eventbridge", "direct")]
        deadline = time.monotonic() + ENDS_WITHIN
        while self.count(self.queue) and time.monotonic() < deadline:
            step.alive("waiting for the queue")
            time.sleep(0.5)
        self.repeated_calls = self.calls() - calls

    def outcome(self) -> Outcome:
        builds = self.summary()["effectsByPipeline"]
        return Outcome(
            ledger=self.ledger(),
            dead_letters=self.dead_letters(),
            builds={target_name(arn): count for arn, count in builds.items()},
            repeated_calls=self.repeated_calls,
            repeated=self.repeated,
            waiting=self.count(self.queue),
        )

    def send(self, *bodies: str) -> None:
        """In one batch, so that duplicates meet in one invocation as they would under load."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)
        if answer.get("Failed"):
            raise StepFailed(f"found messages that the queue refused, expected none: {answer['Failed']}")

    def invoke(self, name: str, *, wait: bool) -> dict[str, Any]:
        answer = self.function.invoke(
            FunctionName=self.function_name,
            InvocationType="RequestResponse" if wait else "Event",
            Payload=json.dumps(event(name)).encode(),
        )
        payload = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise StepFailed(f"the function failed on {name}.json, expected an answer: {payload}")
        return json.loads(payload) if wait else {}

    def ledger(self) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        items = [{name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]]
        return sorted(items, key=lambda item: (item["createdAt"], item["target"]))

    def dead_letters(self) -> list[dict[str, str]]:
        letters = []
        for _ in range(self.count(self.dead_letter_queue)):
            answer = self.sqs.receive_message(
                QueueUrl=self.dead_letter_queue, MaxNumberOfMessages=1, MessageAttributeNames=["All"],
                VisibilityTimeout=600,
            )
            for message in answer.get("Messages", []):
                attributes = message.get("MessageAttributes", {})
                letters.append({name: value["StringValue"] for name, value in attributes.items()}
                               | {"body": message["Body"]})
        return letters

    def count(self, queue: str) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(found.get(name, 0)) for name in names)

    def calls(self) -> int:
        return sum(self.summary()["requests"].values())

    def summary(self) -> dict[str, Any]:
        return get_json(f"{self.stack.simulator}/simulator/summary")


def event(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text())


def plain(value: dict[str, Any]) -> Any:
    """A DynamoDB attribute value without its type."""
    kind, content = next(iter(value.items()))
    return int(content) if kind == "N" else content


def target_name(arn: str) -> str:
    return arn.rpartition("image-pipeline/")[2]


def differences(found: Outcome) -> list[str]:
    """Every way in which the outcome is not the expected one."""
    by_target: dict[str, list[dict[str, Any]]] = {}
    for item in found.ledger:
        by_target.setdefault(target_name(item["target"]), []).append(item)
    sentences = [
        f"{target}: found {len(items)} wishes in the ledger, expected none"
        for target, items in by_target.items() if target not in LEDGER
    ]
    for target, wish in LEDGER.items():
        sentences += wish_differences(target, wish, by_target.get(target, []), found.builds.get(target, 0))
    codes = sorted(letter.get("errorCode", "no errorCode") for letter in found.dead_letters)
    sentences += difference("dead letters", codes, DEAD_LETTERS)
    for letter in found.dead_letters:
        sentences += difference("a dead letter's operation", letter.get("operation"), OPERATION)
        missing = [name for name in ("token", "errorMessage", "sourceMessageId") if not letter.get(name)]
        sentences += difference("a dead letter's missing attributes", missing, [])
    sentences += difference("calls to Image Builder for finished wishes", found.repeated_calls, 0)
    sentences += difference("outcomes answered for finished wishes", answered(found.repeated), ["STARTED", "STARTED"])
    sentences += difference("messages left in the queue", found.waiting, 0)
    return sentences


def wish_differences(target: str, wish: Wish, items: list[dict[str, Any]], builds: int) -> list[str]:
    sentences = difference(f"{target}: builds started", builds, wish.builds)
    sentences += difference(f"{target}: wishes in the ledger", len(items), 1)
    for item in items:
        sentences += difference(f"{target}: status", item["status"], wish.status)
        sentences += difference(f"{target}: attempts", item["attempts"], wish.failed_attempts)
        sentences += difference(f"{target}: error", item.get("errorCode", ""), wish.error)
        sentences += difference(f"{target}: has an image version", bool(image_version(item)), wish.builds > 0)
    return sentences


def difference(what: str, found: Any, expected: Any) -> list[str]:
    return [] if found == expected else [f"{what}: found {found}, expected {expected}"]


def answered(answers: list[dict[str, Any]]) -> list[str]:
    return [outcome["outcome"] for answer in answers for outcome in answer.get("outcomes", [])]


def image_version(item: dict[str, Any]) -> str:
    receipt = json.loads(item.get("receipt") or "{}")
    return receipt.get("imageBuildVersionArn", "").rpartition(":image/")[2]


def report(found: Outcome) -> None:
    heading("The ledger")
    table(
        ["target", "outcome", "failed attempts", "image version, or why not"],
        [[target_name(item["target"]), item["status"], str(item["attempts"]),
          image_version(item) or item.get("errorCode", "")] for item in found.ledger],
    )
    heading("Wishes delivered, and builds started")
    rows = [[target, str(wish.deliveries), str(found.builds.get(target, 0))] for target, wish in LEDGER.items()]
    rows.append(["(not JSON)", "1", "0"])
    table(["target", "delivered", "builds"], [*rows, ["all", str(DELIVERIES), str(sum(found.builds.values()))]])
    print(f"\nDelivered again after they had ended: 3, calls to Image Builder for them: {found.repeated_calls}")
    heading("Dead letters")
    for letter in found.dead_letters:
        print(f"{letter.get('operation', 'no operation')}  {colour(letter.get('errorCode', 'no errorCode'), '33')}")
        print(textwrap.fill(letter.get("errorMessage", letter["body"]), 96,
                            initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False))


def verdict(found: list[str], seconds: float) -> int:
    print()
    if found:
        print(colour(f"The outcome is not the expected one, in {len(found)} ways:", "31"))
        print("\n".join(f"  {sentence}" for sentence in found))
        return 1
    builds = sum(wish.builds for wish in LEDGER.values())
    print(colour(f"As expected: {DELIVERIES} deliveries, {builds} builds, each wish once, "
                 f"nothing lost ({seconds:.0f} s).", "32"))
    return 0


def heading(text: str) -> None:
    print(f"\n{colour(text, '1')}\n")


def table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def colour(text: str, code: str) -> str:
    plain_output = "NO_COLOR" in os.environ or not sys.stdout.isatty()
    return text if plain_output else f"\x1b[{code}m{text}\x1b[0m"


if __name__ == "__main__":
    sys.exit(main())
