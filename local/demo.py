"""Shows that wishes which are delivered many times are carried out once, and fails when that is not so.

The real template and the real binaries run on MiniStack, against the simulator. What is delivered is
in `Demo.deliver`, `Demo.deliver_again` and the schedules; what must come of it is in OPERATIONS.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import examples
import interrupts
import privileges
import runbook
from progress import Progress, Step, StepFailed
from stack import STEPS, Stack, get_json, post_json, put_json

PIPELINE = "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/"
IMAGE = "arn:aws:imagebuilder:us-east-1:123456789012:image/"
ENDS_WITHIN = 300.0  # seconds
SCHEDULE_IN = 30  # seconds, of which deploying takes about half
NOT_JSON = "(not JSON)"


@dataclass(frozen=True)
class Wish:
    """What must have come of a wish in the end."""

    outcome: str
    effects: int = 0
    error: str = ""
    failed: int = 0  # attempts that did not settle it
    # What is invalid by itself never reaches the ledger; only its dead letter tells of it.
    in_ledger: bool = True


STARTED = Wish("STARTED", effects=1)
THROTTLED = Wish("STARTED", effects=1, failed=1)
FOUND = Wish("STARTED")  # in the wished state already
EXPIRED = Wish("REJECTED", error="Expired")
NOT_FOUND = Wish("REJECTED", error="ResourceNotFoundException")
INVALID = Wish("REJECTED", error="InvalidIntent", in_ledger=False)
MALFORMED = Wish("REJECTED", error="MalformedBody", in_ledger=False)


@dataclass(frozen=True)
class Operation:
    """One function, and what must come of the wishes that it is sent, by their short targets."""

    name: str
    service: str
    function: str
    effects: str
    answer: Callable[[dict[str, Any], dict[str, Any]], str]  # in short, from the request and the receipt
    wishes: dict[str, Wish]
    scheduled: bool = False
    # Sent beside the messages of the example queue-batch.json.
    more: tuple[dict[str, Any], ...] = ()

    @property
    def recorded(self) -> list[str]:
        return [target for target, wish in self.wishes.items() if wish.in_ledger]

    @property
    def errors(self) -> list[str]:
        return sorted(wish.error for wish in self.wishes.values() if wish.error)


OPERATIONS = (
    Operation(
        "StartImagePipelineExecution", "imagebuilder", "start-image-pipeline-execution", "builds",
        lambda _, receipt: short(receipt["imageBuildVersionArn"]),
        {
            "golden-throttled": THROTTLED,
            "golden-linux": STARTED, "golden-container": STARTED, "golden-database": STARTED, "golden-web": STARTED,
            "nightly-linux": STARTED, "nightly-windows": STARTED,
            "golden-desktop": EXPIRED, "no-such-pipeline": NOT_FOUND, NOT_JSON: MALFORMED,
        },
        scheduled=True,
        more=(
            {"imagePipelineArn": f"{PIPELINE}golden-container"},
            {"imagePipelineArn": f"{PIPELINE}no-such-pipeline"},
        ),
    ),
    Operation(
        "StartResourceStateUpdate", "imagebuilder", "start-resource-state-update", "updates",
        lambda request, receipt: f"{request['state']['status']} {lifecycle_execution(receipt)}",
        {
            "golden-linux/1.0.0/3": STARTED, "golden-linux/1.0.0/1": STARTED, "golden-windows/1.0.0/2": STARTED,
            "golden-database/1.0.0/1": STARTED, "golden-web/1.0.0/4": STARTED,
            "golden-old/1.0.0/1": FOUND, "golden-linux/1.0.0/2": INVALID,
        },
        more=({"resourceArn": f"{IMAGE}golden-old/1.0.0/1", "state": {"status": "DEPRECATED"}},),
    ),
    Operation(
        "StartImageBuilder", "appstream", "start-image-builder", "starts",
        lambda _, receipt: receipt["State"],
        {
            "desktop-builder": STARTED, "finance-builder": STARTED, "design-builder": STARTED,
            "morning-builder": STARTED, "training-builder": STARTED,
            "office-builder": FOUND, "studio-builder": INVALID,
        },
        scheduled=True,
    ),
    Operation(
        "StartStreamingSession", "nimble", "start-streaming-session", "starts",
        lambda _, receipt: receipt["session"]["state"],
        {
            "studio-1/session-1": STARTED, "studio-1/session-3": STARTED, "studio-2/session-4": STARTED,
            "studio-1/session-2": FOUND,
        },
    ),
)
# What no example names, and what is at work already.
WORLD = (
    "--pipeline", f"{PIPELINE}golden-container", "--pipeline", f"{PIPELINE}golden-throttled",
    "--image", f"{IMAGE}golden-old/1.0.0/1=DEPRECATED",
    "--image-builder", "office-builder=RUNNING",
    "--session", "studio-1/session-2=READY",
)
STOPPED_SINCE = "desktop-builder"
# Rejected at first, for want of its target; docs/operations.md redrives it.
MENDED = "no-such-pipeline"
# Called off in docs/operations.md before it is sent.
CALLED_OFF = {"imagePipelineArn": f"{PIPELINE}golden-linux", "clientToken": "golden-linux-2026-12-24"}
# Each of the three requests of one attempt.
THROTTLING = {
    "operation": "StartImagePipelineExecution", "fault": "error", "times": 3,
    "code": "CallRateLimitExceededException", "status": 429, "message": "too many calls, on demand",
}


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
    progress = Progress(STEPS + 6)
    stack.up(progress, [*examples.world(), *WORLD], parameters)
    demo = Demo(stack)
    with progress.step("deliver a wish that AWS throttles") as step:
        demo.throttle(step)
    with progress.step("deliver wishes by queue, EventBridge and direct invocation"):
        demo.deliver()
    with progress.step("follow them, and the schedules', to their end") as step:
        demo.follow(step)
    with progress.step("deliver finished wishes again, by all three ways") as step:
        demo.deliver_again(step)
    found = demo.outcomes()
    for outcome in found:
        report(outcome)
    sentences = [sentence for outcome in found for sentence in differences(outcome)]
    sentences += difference("calls to AWS for finished wishes", demo.repeated_calls, 0)
    sentences += difference(f"{STOPPED_SINCE}, stopped by a person since", demo.stopped_since, "STOPPED")
    sentences += difference("messages hidden while a wish was deferred", demo.hidden, 1)
    print(f"\ngolden-throttled, which AWS throttled at first, was {demo.deferred}; its message was hidden: {demo.hidden}")
    print(f"Delivered again after they had ended: {demo.repeated}, calls to AWS for them: {demo.repeated_calls}")
    print(f"{STOPPED_SINCE}, which a person had stopped since, is {demo.stopped_since}")
    report_dead_letters(found)
    print()
    with progress.step("mend the cause of a dead letter, then type what docs/operations.md says") as step:
        demo.operate(step)
    with progress.step("send a wish that was called off") as step:
        demo.send_called_off(step)
    report_commands(demo)
    sentences += difference(f"{MENDED}, once it was there and its dead letter redriven", demo.mended, ("STARTED", demo.token))
    sentences += privileges.findings(stack, demo.summary()["services"], [operation.name for operation in OPERATIONS])
    sentences += difference("the wish that was called off", demo.called_off, ("CANCELLED", 0))
    return verdict(sentences, found, time.monotonic() - started)


def parameters() -> dict[str, str]:
    """Schedules that fire once, soon, with the intents of their examples; and the role that a wish names."""
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=SCHEDULE_IN)
    found = {"StartResourceStateUpdateExecutionRoleArns": "arn:aws:iam::123456789012:role/image-lifecycle"}
    for operation in OPERATIONS:
        if operation.scheduled:
            intents = examples.event(operation.function, "schedule")["intents"]
            found[f"{operation.name}ScheduleExpression"] = f"at({at:%Y-%m-%dT%H:%M:%S})"
            found[f"{operation.name}Intents"] = json.dumps(intents, separators=(",", ":"))
    return found


@dataclass
class Outcome:
    """What came of the wishes of one operation, by their short targets."""

    operation: Operation
    delivered: Counter[str]
    ledger: dict[str, list[dict[str, Any]]]
    dead_letters: list[dict[str, str]]
    effects: dict[str, int]
    repeated: list[str]
    waiting: int


@dataclass
class Demo:
    stack: Stack
    delivered: dict[str, Counter[str]] = field(default_factory=lambda: {o.name: Counter() for o in OPERATIONS})
    # What was answered to those who invoked a function again.
    answers: dict[str, list[str]] = field(default_factory=dict)
    repeated: int = 0
    repeated_calls: int = 0
    stopped_since: str = ""
    # Of the wish that is throttled: how the ledger had it, and the messages that the queue hid then.
    deferred: str = ""
    hidden: int = 0
    # Of the wish whose dead letter is redriven: its token, and its outcome and token in the end.
    token: str = ""
    mended: tuple[str, str] = ("", "")
    # Of the wish that was called off: its status, and the calls to AWS for it.
    called_off: tuple[str, int] = ("", 0)
    # What was typed of docs/operations.md, and what some commands printed.
    commands: int = 0
    printed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dynamodb = self.stack.client("dynamodb")
        self.functions = self.stack.client("lambda")
        self.sqs = self.stack.client("sqs")

    def throttle(self, step: Step) -> None:
        """The first attempt of one wish fails; what is seen of it until it comes again by itself."""
        post_json(f"{self.stack.simulator}/simulator/faults", THROTTLING)
        operation = OPERATIONS[0]
        self.send(operation, json.dumps({"imagePipelineArn": f"{PIPELINE}golden-throttled"}))
        deadline = time.monotonic() + ENDS_WITHIN
        while time.monotonic() < deadline:
            for item in self.ledger():
                if item["status"] == "DEFERRED":
                    self.deferred = f"{item['status']} ({item['errorCode']})"
                    self.hidden = self.count(operation, "Queue", "NotVisible")
                    return
            step.alive("waiting for its first attempt")
            time.sleep(0.2)

    def deliver(self) -> None:
        for operation in OPERATIONS:
            bodies = [record["body"] for record in examples.event(operation.function, "queue-batch")["Records"]]
            # The first once more: it is in the batch twice already.
            self.send(operation, *bodies, bodies[0], *map(json.dumps, operation.more))
            self.invoke(operation, "eventbridge", wait=False)
            self.invoke(operation, "direct", wait=True)
            if operation.scheduled:
                self.note(operation, examples.event(operation.function, "schedule"))

    def follow(self, step: Step) -> None:
        """Waits until nothing moves any more, or for long enough."""
        wishes = sum(len(operation.recorded) for operation in OPERATIONS)
        letters = sum(len(operation.errors) for operation in OPERATIONS)
        deadline = time.monotonic() + ENDS_WITHIN
        while time.monotonic() < deadline:
            final = ("STARTED", "REJECTED", "SKIPPED", "CANCELLED")
            ended = sum(item["status"] in final for item in self.ledger())
            waiting, dead = self.count_all("Queue"), self.count_all("DeadLetterQueue")
            if ended >= wishes and dead >= letters and not waiting:
                return
            # A duplicate that arrives in another batch than its twin may find it at work, and looks again.
            detail = f"{waiting} messages waiting" if waiting else f"{dead} dead letters"
            step.alive(f"{ended} of {wishes} wishes ended, {detail}")
            time.sleep(0.5)

    def deliver_again(self, step: Step) -> None:
        """Every wish has ended by now, and one builder was stopped by a person since."""
        put_json(f"{self.stack.simulator}/simulator/image-builders", {"name": STOPPED_SINCE, "state": "STOPPED"})
        calls, delivered = self.calls(), self.deliveries()
        for operation in OPERATIONS:
            self.send(operation, examples.event(operation.function, "queue-batch")["Records"][0]["body"])
            answers = [self.invoke(operation, name, wait=True) for name in ("eventbridge", "direct")]
            self.answers[operation.name] = [outcome["outcome"] for answer in answers for outcome in answer["outcomes"]]
        deadline = time.monotonic() + ENDS_WITHIN
        while self.count_all("Queue") and time.monotonic() < deadline:
            step.alive("waiting for the queues")
            time.sleep(0.5)
        self.repeated, self.repeated_calls = self.deliveries() - delivered, self.calls() - calls
        self.stopped_since = self.summary()["imageBuilders"][STOPPED_SINCE]

    def operate(self, step: Step) -> None:
        """The wish was rejected since its pipeline was not there; now it is, and its letter is redriven."""
        self.token = self.item(f"{PIPELINE}{MENDED}").get("token", "")
        self.type("reveille dead-letters --operation StartImagePipelineExecution")
        put_json(f"{self.stack.simulator}/simulator/pipelines", {"arn": f"{PIPELINE}{MENDED}"})
        self.commands = runbook.run(self.stack, step)
        deadline = time.monotonic() + ENDS_WITHIN
        while (after := self.item(f"{PIPELINE}{MENDED}")).get("status") != "STARTED" and time.monotonic() < deadline:
            step.alive("waiting for the redriven wish")
            time.sleep(0.2)
        self.mended = (after.get("status", ""), after.get("token", ""))
        self.type(f"reveille show {self.token.rpartition('#')[2]}")
        self.type("reveille list --operation StartImagePipelineExecution --since 1h")

    def send_called_off(self, step: Step) -> None:
        operation, calls = OPERATIONS[0], self.calls()
        self.send(operation, json.dumps(CALLED_OFF))
        deadline = time.monotonic() + ENDS_WITHIN
        while self.count_all("Queue") and time.monotonic() < deadline:
            step.alive("waiting for the queue")
            time.sleep(0.2)
        token = f"{operation.name}#{CALLED_OFF['clientToken']}"
        items = [item["status"] for item in self.ledger() if item["token"] == token]
        self.called_off = (", ".join(items), self.calls() - calls)

    def type(self, command: str) -> None:
        self.printed[command] = runbook.Command(command).run(runbook.environment(self.stack))

    def item(self, target: str) -> dict[str, Any]:
        """What the ledger has of the wish for this target; nothing where it has none."""
        return next((item for item in self.ledger() if item.get("target") == target), {})

    def outcomes(self) -> list[Outcome]:
        items, services = self.ledger(), self.summary()["services"]
        return [
            Outcome(
                operation,
                delivered=self.delivered[operation.name],
                ledger=by_target([item for item in items if item["operation"] == operation.name]),
                dead_letters=self.dead_letters(operation),
                effects={short(name): count for name, count in services[operation.service][operation.name]["effects"].items()},
                repeated=self.answers[operation.name],
                waiting=self.count(operation, "Queue"),
            )
            for operation in OPERATIONS
        ]

    def send(self, operation: Operation, *bodies: str) -> None:
        """In one batch, so that duplicates meet in one invocation as they would under load."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = self.sqs.send_message_batch(QueueUrl=self.output(operation, "QueueUrl"), Entries=entries)
        if answer.get("Failed"):
            raise StepFailed(f"found messages that the queue refused, expected none: {answer['Failed']}")
        for body in bodies:
            self.note(operation, body)

    def invoke(self, operation: Operation, name: str, *, wait: bool) -> dict[str, Any]:
        event = examples.event(operation.function, name)
        answer = self.functions.invoke(
            FunctionName=self.output(operation, "FunctionName"),
            InvocationType="RequestResponse" if wait else "Event",
            Payload=json.dumps(event).encode(),
        )
        payload = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise StepFailed(f"{operation.name} failed on {name}.json, expected an answer: {payload}")
        self.note(operation, event)
        return json.loads(payload) if wait else {}

    def note(self, operation: Operation, event: Any) -> None:
        targets = [short(examples.target(intent)) for intent in examples.intents(event)]
        self.delivered[operation.name].update(targets or [NOT_JSON])

    def ledger(self) -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.outputs["LedgerTable"], ConsistentRead=True,
        )
        return [{name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]]

    def dead_letters(self, operation: Operation) -> list[dict[str, str]]:
        letters, receipts = [], []
        for _ in range(self.count(operation, "DeadLetterQueue")):
            answer = self.sqs.receive_message(
                QueueUrl=self.output(operation, "DeadLetterQueueUrl"), MaxNumberOfMessages=1,
                MessageAttributeNames=["All"], VisibilityTimeout=600,
            )
            for message in answer.get("Messages", []):
                attributes = message.get("MessageAttributes", {})
                letters.append({name: value["StringValue"] for name, value in attributes.items()}
                               | {"body": message["Body"]})
                receipts.append(message["ReceiptHandle"])
        for receipt in receipts:
            # Whoever looks next finds them.
            self.sqs.change_message_visibility(
                QueueUrl=self.output(operation, "DeadLetterQueueUrl"), ReceiptHandle=receipt, VisibilityTimeout=0,
            )
        return letters

    def count_all(self, queue: str) -> int:
        return sum(self.count(operation, queue) for operation in OPERATIONS)

    def count(self, operation: Operation, queue: str, *which: str) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in which or ("", "NotVisible", "Delayed")]
        url = self.output(operation, f"{queue}Url")
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found.get(name, 0)) for name in names)

    def output(self, operation: Operation, name: str) -> str:
        return self.stack.outputs[f"{operation.name}{name}"]

    def deliveries(self) -> int:
        return sum(counter.total() for counter in self.delivered.values())

    def calls(self) -> int:
        services = self.summary()["services"].values()
        return sum(operation["requests"] for service in services for operation in service.values())

    def summary(self) -> dict[str, Any]:
        return get_json(f"{self.stack.simulator}/simulator/summary")


def plain(value: dict[str, Any]) -> Any:
    """A DynamoDB attribute value without its type."""
    kind, content = next(iter(value.items()))
    return int(content) if kind == "N" else content


def lifecycle_execution(receipt: dict[str, Any]) -> str:
    """Only what reaches beyond the image itself, or is put off, takes a lifecycle execution."""
    if "observed" in receipt:
        return "before"
    execution = receipt.get("lifecycleExecutionId")
    return f"by {execution[:12]}..." if execution else "at once"


def short(target: str) -> str:
    """An ARN's name alone; any other target as it is."""
    _, colon, resource = target.rpartition(":")
    return resource.partition("/")[2] if colon else target


def by_target(items: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        found.setdefault(short(item["target"]), []).append(item)
    return found


def differences(found: Outcome) -> list[str]:
    """Every way in which the outcome is not the expected one."""
    operation = found.operation
    effects = {target: wish.effects for target, wish in operation.wishes.items() if wish.effects}
    sentences = difference(operation.effects, found.effects, effects)
    sentences += difference("targets in the ledger", sorted(found.ledger), sorted(operation.recorded))
    sentences += difference("targets that were delivered", sorted(found.delivered), sorted(operation.wishes))
    for target, items in found.ledger.items():
        if wish := operation.wishes.get(target):
            sentences += wish_differences(operation, target, wish, items)
    sentences += difference("dead letters", sorted(map(code, found.dead_letters)), operation.errors)
    for letter in found.dead_letters:
        sentences += difference("a dead letter's operation", letter.get("operation"), operation.name)
        missing = [name for name in ("token", "errorMessage", "sourceMessageId") if not letter.get(name)]
        sentences += difference("a dead letter's missing attributes", missing, [])
    sentences += difference("outcomes answered for finished wishes", found.repeated, ["STARTED", "STARTED"])
    sentences += difference("messages left in the queue", found.waiting, 0)
    return [f"{operation.name}: {sentence}" for sentence in sentences]


def wish_differences(operation: Operation, target: str, wish: Wish, items: list[dict[str, Any]]) -> list[str]:
    sentences = difference(f"{target}: wishes in the ledger", len(items), 1)
    for item in items:
        sentences += difference(f"{target}: status", item["status"], wish.outcome)
        sentences += difference(f"{target}: error", item.get("errorCode", ""), wish.error)
        # What the ledger calls attempts are those that did not settle the wish.
        sentences += difference(f"{target}: failed attempts", item["attempts"], wish.failed)
        sentences += difference(f"{target}: has a receipt", bool(answer(operation, item)), wish.outcome == "STARTED")
    return sentences


def difference(what: str, found: Any, expected: Any) -> list[str]:
    return [] if found == expected else [f"{what}: found {found}, expected {expected}"]


def answer(operation: Operation, item: dict[str, Any]) -> str:
    try:
        return operation.answer(json.loads(item["request"]), json.loads(item["receipt"]))
    except (KeyError, json.JSONDecodeError):
        return ""


def code(letter: dict[str, str]) -> str:
    return letter.get("errorCode", "no errorCode")


def report(found: Outcome) -> None:
    operation = found.operation
    heading(operation.name)
    rows = []
    for target, wish in operation.wishes.items():
        items = found.ledger.get(target, [])
        # What the ledger does not know can only have become a dead letter.
        outcome = ", ".join(item["status"] for item in items) or "REJECTED"
        said = ", ".join(answer(operation, item) or item.get("errorCode", "") for item in items) or wish.error
        failed = ", ".join(str(item["attempts"]) for item in items) or "0"
        rows.append([target, str(found.delivered[target]), str(found.effects.get(target, 0)), outcome, failed, said])
    headings = ["target", "delivered", operation.effects, "outcome", "failed attempts", "what AWS answered, or why not"]
    table(headings, rows)


def report_dead_letters(found: list[Outcome]) -> None:
    heading("Dead letters")
    for letter in (letter for outcome in found for letter in outcome.dead_letters):
        targets = [short(examples.target(intent)) for intent in examples.intents(letter["body"])]
        print(f"{letter.get('operation', 'no operation')}  {(targets or [NOT_JSON])[0]}  {colour(code(letter), '33')}")
        print(textwrap.fill(letter.get("errorMessage", letter["body"]), 96,
                            initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False))


def report_commands(demo: Demo) -> None:
    heading("Operated")
    for command, output in demo.printed.items():
        print(f"$ {command}\n{output}")
    print(f"Typed besides, as docs/operations.md and README.md say: {demo.commands} commands")
    print(f"Sent after it was called off: {CALLED_OFF['clientToken']} is {demo.called_off[0]}, calls to AWS for it: {demo.called_off[1]}")


def verdict(sentences: list[str], found: list[Outcome], seconds: float) -> int:
    print()
    if sentences:
        print(colour(f"The outcome is not the expected one, in {len(sentences)} ways:", "31"))
        print("\n".join(f"  {sentence}" for sentence in sentences))
        return 1
    delivered = sum(outcome.delivered.total() for outcome in found)
    effects = sum(sum(outcome.effects.values()) for outcome in found)
    print(colour(f"As expected: {delivered} deliveries, {effects} effects, each wish once, "
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
