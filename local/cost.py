"""Prints what a million wishes cost, with Reveille and with Powertools for Python, and how far an account's quotas carry.

Prices, quotas, assumptions and measured inputs are the constants at the top: change them here, run
`python3 local/cost.py --write`, and docs/cost.md has the new figures between its markers.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workspace import ROOT

PAGE = ROOT / "docs" / "cost.md"
BLOCK = re.compile(r"(<!-- make cost: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

MILLION = 1_000_000
GB = 2**30  # bytes
DAY = 86_400  # seconds
MONTH_HOURS = 730
MONTH_DAYS = 30


@dataclass(frozen=True)
class Price:
    """In us-east-1, without the free tier. `read` is where and when it was read last: never on AWS's live page."""

    dollars: float
    count: int
    unit: str
    page: str
    read: str


OTHERS = "repeated by others"
NOT_FOUND = "not found, from memory"
# Ingestion of Lambda's logs: dollars for a GB, and up to how many GB a month.
LOG_TIERS = ((0.50, 10 * 1024), (0.25, 30 * 1024), (0.10, 50 * 1024), (0.05, math.inf))
PRICES = {
    "Lambda request": Price(0.20, MILLION, "requests", "lambda", f"2026-05, {OTHERS}"),
    "Lambda time, x86_64": Price(16.6667, MILLION, "GB-s", "lambda", f"2026-05, {OTHERS}"),
    "Lambda time, arm64": Price(13.3334, MILLION, "GB-s", "lambda", f"2026-05, {OTHERS}"),
    "SQS request": Price(0.40, MILLION, "requests of up to 64 KB, standard queue", "sqs", f"2026-06, {OTHERS}"),
    "Scheduler invocation": Price(1.00, MILLION, "invocations", "eventbridge", NOT_FOUND),
    "DynamoDB write": Price(0.625, MILLION, "write units of 1 KB, on demand", "dynamodb", f"2025-07, {OTHERS}"),
    "DynamoDB read": Price(0.125, MILLION, "read units of 4 KB, consistent", "dynamodb", f"2025-07, {OTHERS}"),
    "DynamoDB storage": Price(0.25, 1, "GB-month", "dynamodb", "an old copy of the page"),
    "DynamoDB point-in-time recovery": Price(0.20, 1, "GB-month", "dynamodb", NOT_FOUND),
    "KMS request": Price(3.00, MILLION, "requests", "kms", f"2026-04, {OTHERS}"),
    "CloudWatch Logs ingestion": Price(LOG_TIERS[0][0], 1, "GB of Lambda's logs, less from 10 TB a month on", "cloudwatch", f"2025-05, {OTHERS}"),
    "CloudWatch Logs storage": Price(0.03, 1, "GB-month, compressed", "cloudwatch", f"undated, {OTHERS}"),
    "CloudWatch metric": Price(0.30, 1, "metric and month", "cloudwatch", f"undated, {OTHERS}"),
    "CloudWatch alarm": Price(0.10, 1, "alarm and month", "cloudwatch", NOT_FOUND),
    "CloudWatch dashboard": Price(3.00, 1, "dashboard and month", "cloudwatch", NOT_FOUND),
    "EC2 instance": Price(0.0416, 1, "hour of a t3.medium", "ec2", NOT_FOUND),
}

# template.yaml, its defaults.
MEMORY = 256  # MB
BATCH = 10
CONCURRENT_CALLS = 10
MAXIMUM_CONCURRENCY = 2
RETENTION = 30  # days
LOG_RETENTION = 90  # days
VISIBILITY_TIMEOUT = 150  # seconds
FUNCTIONS = 3  # without streaming sessions, which are off
ALARMS = 21  # theirs, with every schedule on
METRICS = 9  # names, each by operation; billed for the hours in which it has a value
BUSY_DELAY = 600  # seconds; functions/start-image-pipeline-execution

# Assumed of AWS: how long it takes to answer, in milliseconds, and how often it starts an environment.
LEDGER_ANSWERS = 5
API_ANSWERS = 100
QUEUE_ANSWERS = 10
COLD_STARTS = 0.01  # of all invocations; AWS says "under 1 %" of production's
WHOLE_PROCESSOR = 1769  # MB of memory that come with one vCPU
IDLE_POLLS = 5 * 3 * 60 * MONTH_HOURS  # requests a month: five pollers, each asking every 20 s
KEY_IS_CACHED = 300  # seconds, for each of an environment's connections
STORED_ITEM_OVERHEAD = 100  # bytes that DynamoDB bills beside an item's own
STORED_LOG_OVERHEAD = 26  # bytes that CloudWatch bills beside a line's own
COMPRESSION = 0.15  # of a log in storage
BUILD_MINUTES = 20
CONCURRENT_BUILDS = 100


@dataclass(frozen=True)
class Program:
    """What `make bench` measures of one of the two: milliseconds of a whole processor, the local store's answers among them."""

    start: float
    invocation: float
    new: float  # for each wish, as the next
    duplicate: float


# By docs/benchmarks.md: the processor time to the first answer, that of a warm batch of ten new wishes, and the
# time of ten redelivered ones; how they fall to invocation and wish is estimated.
OURS = Program(start=12, invocation=0.4, new=0.43, duplicate=0.2)
RIVAL = Program(start=690, invocation=2.5, new=8.5, duplicate=3.7)

RIVAL_ITEM = 400  # bytes, assumed
# A STARTED item as a function leaves it, of a message without tags.
ITEM: dict[str, str | int] = {
    "token": "StartImagePipelineExecution#761fbd9c-caef-54d8-b7d0-b30d9bb3631f",
    "operation": "StartImagePipelineExecution",
    "target": "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux-00",
    "fingerprint": "a2e3310fb08dab4223a72a57cbdc86adf7a3fa65d812ee518adb4a14a20aa91f",
    "status": "STARTED",
    "owner": "899541ff-dc07-4a75-a0aa-7fff4dd633bf",
    "claimableFrom": 1797863184565,
    "attempts": 0,
    "source": "message 64712d72-f5a1-4abd-9504-23eb318120ef",
    "request": '{"imagePipelineArn":"arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux-00"}',
    "createdAt": "2026-11-21T14:26:24.458Z",
    "updatedAt": "2026-11-21T14:26:24.565Z",
    "expiresAt": 1797863184,
    "receipt": '{"clientToken":"761fbd9c-caef-54d8-b7d0-b30d9bb3631f","imageBuildVersionArn":"arn:aws:imagebuilder:us-east-1:123456789012:image/golden-linux-00/1.0.0/1","requestId":"280d9502-61ad-4e58-9394-cda572554a2e"}',
}

# A function's standard output: a line for each wish, and one of metrics for the invocation, here with the most in it.
STARTED_LINE = '{"timestamp":"2026-11-21T14:26:24.613320Z","level":"INFO","message":"wish","operation":"StartImagePipelineExecution","token":"7f145999-81da-5fe4-9d8d-468a6c5b5ed0","target":"arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux-02","outcome":"STARTED","duplicate":false,"attempt":1,"duration_ms":113,"span":{"requestId":"ca43a824-36df-4c16-ae1b-e2ccf77109ac","name":"Lambda runtime invoke"}}'
DUPLICATE_LINE = '{"timestamp":"2026-11-21T14:26:24.664248Z","level":"INFO","message":"wish","operation":"StartImagePipelineExecution","token":"7f145999-81da-5fe4-9d8d-468a6c5b5ed0","target":"arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux-02","outcome":"STARTED","duplicate":true,"attempt":0,"span":{"requestId":"1affea12-21f2-416d-9132-7c4d50fcec11","name":"Lambda runtime invoke"}}'
DEFERRED_LINE = '{"timestamp":"2026-11-21T14:26:24.765850Z","level":"WARN","message":"wish","operation":"StartImagePipelineExecution","token":"51855a1d-7a9b-59af-b58d-0dd11373e384","target":"arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux-02","outcome":"DEFERRED","duplicate":false,"attempt":1,"duration_ms":103,"error_code":"ResourceInUseException","error_message":"Resource \'arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux-02\' is in use","span":{"requestId":"0ca37244-9b9b-4b84-aeec-6ad956b12509","name":"Lambda runtime invoke"}}'
METRICS_LINE = '{"CallLatency":[104,108,113,112,113,114,147,151,111,112],"Started":10,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["operation"]],"Metrics":[{"Name":"Started","Unit":"Count"},{"Name":"CallLatency","Unit":"Milliseconds"}],"Namespace":"Reveille"}],"Timestamp":1795271184613},"operation":"StartImagePipelineExecution"}'
# Lambda's own lines for each invocation, in JSON as the template asks; their form is from its documentation.
LAMBDA_LINES = (
    '{"time":"2026-11-21T14:26:24.500Z","type":"platform.start","record":{"requestId":"ca43a824-36df-4c16-ae1b-e2ccf77109ac","version":"$LATEST"}}',
    '{"time":"2026-11-21T14:26:24.750Z","type":"platform.report","record":{"requestId":"ca43a824-36df-4c16-ae1b-e2ccf77109ac","metrics":{"durationMs":237.63,"billedDurationMs":238,"memorySizeMB":256,"maxMemoryUsedMB":19},"status":"success"}}',
)


@dataclass(frozen=True)
class Work:
    """One invocation with `batch` wishes, and all that it causes."""

    program: Program
    batch: int
    waits: float  # milliseconds for others' answers
    processing: float  # milliseconds of a whole processor
    line: str
    sent: float = 0  # requests of the producer
    queue: int = 0  # requests of Lambda's poller and of the function
    schedule: int = 0  # invocations by Scheduler
    writes: int = 0  # units for each wish, as the next
    reads: int = 0
    stored: int = 0  # bytes

    @property
    def billed(self) -> int:
        """Milliseconds: memory buys a share of a processor, and waiting is billed like work."""
        return math.ceil(self.waits + self.at_share)

    @property
    def at_share(self) -> float:
        return self.processing * WHOLE_PROCESSOR / MEMORY

    @property
    def log_lines(self) -> list[str]:
        return [self.line] * self.batch + [METRICS_LINE, *LAMBDA_LINES]

    @property
    def log_bytes(self) -> int:
        return sum(map(len, self.log_lines))


@dataclass(frozen=True)
class Shape:
    """A way in which wishes arrive."""

    name: str
    ours: Work
    rival: Work

    @property
    def both(self) -> tuple[tuple[str, Work], tuple[str, Work]]:
        return ("Reveille", self.ours), ("Powertools", self.rival)


def shapes() -> list[Shape]:
    return [
        Shape("new, one message a batch", *new(1, queue=2, sent=1)),
        Shape("new, ten messages a batch", *new(BATCH, queue=2, sent=1)),
        Shape("new, by a schedule each", *new(1, schedule=1)),
        Shape("redelivered after it ended", *redelivered()),
        Shape("sent twice by its producer", *sent_twice()),
        Shape("one look at a busy target", *busy()),
    ]


def new(batch: int, queue: int = 0, sent: float = 0, schedule: int = 0) -> tuple[Work, Work]:
    """Ours: claim all, call eight at a time, settle all. The rival's: lock, call, complete, one wish after another."""
    rounds = math.ceil(batch / CONCURRENT_CALLS)
    arrival = {"queue": queue, "sent": sent * batch, "schedule": schedule}
    ours = work(OURS, batch, 2 * LEDGER_ANSWERS + rounds * API_ANSWERS, OURS.new, writes=2, stored=item_size(ITEM), **arrival)
    waits = batch * (2 * LEDGER_ANSWERS + API_ANSWERS)
    return ours, work(RIVAL, batch, waits, RIVAL.new, writes=2, stored=RIVAL_ITEM, **arrival)


def redelivered() -> tuple[Work, Work]:
    """Ours: read all in one request. The rival's: a refused write each."""
    ours = work(OURS, BATCH, LEDGER_ANSWERS, OURS.duplicate, DUPLICATE_LINE, queue=2, reads=1)
    return ours, rival_duplicate(sent=0)


def sent_twice() -> tuple[Work, Work]:
    """Ours: the claims refused, then read, in a request each."""
    ours = work(OURS, BATCH, 2 * LEDGER_ANSWERS, OURS.duplicate, DUPLICATE_LINE, queue=2, sent=BATCH, writes=1, reads=1)
    return ours, rival_duplicate(sent=BATCH)


def rival_duplicate(sent: float) -> Work:
    return work(RIVAL, BATCH, BATCH * LEDGER_ANSWERS, RIVAL.duplicate, DUPLICATE_LINE, queue=2, sent=sent, writes=1)


def busy() -> tuple[Work, Work]:
    """Ours: read, claim, call, settle, hide the messages. The rival's: lock, call, remove the lock. Nothing is deleted."""
    waits = 3 * LEDGER_ANSWERS + math.ceil(BATCH / CONCURRENT_CALLS) * API_ANSWERS + QUEUE_ANSWERS
    ours = work(OURS, BATCH, waits, OURS.new, DEFERRED_LINE, queue=2, writes=2, reads=1)
    waits = BATCH * (2 * LEDGER_ANSWERS + API_ANSWERS)
    return ours, work(RIVAL, BATCH, waits, RIVAL.new, DEFERRED_LINE, queue=1, writes=2)


def work(program: Program, batch: int, waits: float, each: float, line: str = STARTED_LINE, **causes: float) -> Work:
    return Work(program, batch, waits, program.invocation + batch * each, line, **causes)


PARTS = ("Lambda requests", "Lambda time", "queue, schedule", "ledger requests", "ledger storage", "logs")


def parts(work: Work, architecture: str = "x86_64", wishes: float = MILLION) -> dict[str, float]:
    """Dollars for so many wishes, remembered and logged for as long as the template says."""
    invocations = wishes / work.batch
    lines = invocations * len(work.log_lines)
    log = invocations * work.log_bytes
    gb_seconds = invocations * MEMORY / 1024 * (work.billed + COLD_STARTS * work.program.start) / 1000
    gb_months = wishes * stored(work) / GB * RETENTION / MONTH_DAYS
    log_gb_months = (log * COMPRESSION + lines * STORED_LOG_OVERHEAD) / GB * LOG_RETENTION / MONTH_DAYS
    return dict(zip(PARTS, (
        invocations * dollars("Lambda request"),
        gb_seconds * dollars(f"Lambda time, {architecture}"),
        invocations * ((work.sent + work.queue) * dollars("SQS request") + work.schedule * dollars("Scheduler invocation")),
        wishes * (work.writes * dollars("DynamoDB write") + work.reads * dollars("DynamoDB read")),
        gb_months * (dollars("DynamoDB storage") + dollars("DynamoDB point-in-time recovery")),
        ingestion(log / GB) + log_gb_months * dollars("CloudWatch Logs storage"),
    ), strict=True))


def stored(work: Work) -> int:
    return work.stored and work.stored + STORED_ITEM_OVERHEAD


def item_size(item: dict[str, str | int]) -> int:
    """Bytes, by DynamoDB's rules: names and texts as they are, a byte for two digits of a number and one more."""
    return sum(len(name) + (len(value) if isinstance(value, str) else (len(str(value)) + 1) // 2 + 1) for name, value in item.items())


def ingestion(gigabytes: float) -> float:
    """Dollars for what is logged in a month."""
    found, below = 0.0, 0.0
    for price, up_to in LOG_TIERS:
        found += price * max(0.0, min(gigabytes, up_to) - below)
        below = up_to
    return found


def dollars(name: str) -> float:
    return PRICES[name].dollars / PRICES[name].count


def blocks() -> dict[str, str]:
    """The tables of docs/cost.md, by their markers."""
    return {
        "million": million(), "time": times(), "fixed": fixed(), "busy": waiting(),
        "limits": limits(), "scale": scale(), "inputs": inputs(), "prices": prices(),
    }


def million() -> str:
    rows = []
    for shape in shapes():
        for whose, work in shape.both:
            found = parts(work)
            arm = sum(parts(work, "arm64").values())
            rows.append([shape.name, whose, *map(money, found.values()), money(sum(found.values())), money(arm)])
    return table(["a million wishes", "with", *PARTS, "x86_64", "arm64"], rows, text=2)


def times() -> str:
    rows = [
        [shape.name, whose, milliseconds(work.waits), milliseconds(work.processing), milliseconds(work.at_share), f"{work.billed} ms"]
        for shape in shapes() for whose, work in shape.both
    ]
    return table(["an invocation", "with", "waits", "works", f"works at {MEMORY} MB", "billed"], rows, text=2)


def fixed() -> str:
    keys = FUNCTIONS * MAXIMUM_CONCURRENCY * MONTH_HOURS * 3600 / KEY_IS_CACHED
    found = {
        f"{ALARMS} alarms": ALARMS * dollars("CloudWatch alarm"),
        f"{FUNCTIONS * METRICS} metrics, each with a value in every hour": FUNCTIONS * METRICS * dollars("CloudWatch metric"),
        "1 dashboard": dollars("CloudWatch dashboard"),
        f"{FUNCTIONS} idle queues, asked {round(IDLE_POLLS):,} times each": FUNCTIONS * IDLE_POLLS * dollars("SQS request"),
        f"the table's key, asked for {round(keys):,} times": keys * dollars("KMS request"),
    }
    rows = [[name, money(price)] for name, price in found.items()]
    return table(["a month", "dollars"], [*rows, ["together", money(sum(found.values()))]])


def waiting() -> str:
    shape = shapes()[-1]
    rows = []
    for (whose, work), pause in zip(shape.both, (BUSY_DELAY, VISIBILITY_TIMEOUT), strict=True):
        looks = 3600 / pause
        rows.append([whose, f"{pause} s", f"{looks:.0f}", money(looks * sum(parts(work).values()))])
    return table(["a million wishes wait an hour", "a look every", "looks each", "x86_64"], rows)


# Each is the default of an account in us-east-1, and a rate where it is one.
LAMBDA_CONCURRENCY = 1000
MAPPING_CONCURRENCY = 1000  # the most that MaximumConcurrency takes
NEW_TABLE_WRITES = 4000  # units a second
TABLE_WRITES = 40_000
PARTITION_WRITES = 1000
SCHEDULER_INVOCATIONS = 1000  # a second
IN_FLIGHT = 120_000  # messages of a queue


def limits() -> str:
    """From the narrowest to the widest, in wishes a day, spread evenly."""
    one, ten = (shape.ours for shape in shapes()[:2])
    found = [
        ("one pipeline, which builds one image at a time", DAY / BUILD_MINUTES / 60, "more pipelines"),
        (f"{CONCURRENT_BUILDS} builds at a time in Image Builder (from memory)", CONCURRENT_BUILDS * DAY / BUILD_MINUTES / 60, "Service Quotas"),
        (f"`MaximumConcurrency` {MAXIMUM_CONCURRENCY}, one message a batch", DAY * rate(one, MAXIMUM_CONCURRENCY), "`OPERATIONMaximumConcurrency`"),
        (f"`MaximumConcurrency` {MAXIMUM_CONCURRENCY}, ten messages a batch", DAY * rate(ten, MAXIMUM_CONCURRENCY), "`OPERATIONMaximumConcurrency`"),
        (f"{IN_FLIGHT:,} messages in flight, every wish hidden once for {BUSY_DELAY // 60} minutes", DAY * IN_FLIGHT / BUSY_DELAY, '`"whenBusy": "skip"`, AWS Support'),
        (f"{SCHEDULER_INVOCATIONS:,} invocations a second by Scheduler, a wish each", DAY * SCHEDULER_INVOCATIONS, "more intents in a schedule; Service Quotas"),
        (f"{NEW_TABLE_WRITES:,} writes a second of a new table", DAY * NEW_TABLE_WRITES / ten.writes, "warm throughput, set before the load comes"),
        (f"{LAMBDA_CONCURRENCY:,} environments of the account, one message a batch", DAY * rate(one, LAMBDA_CONCURRENCY), "a batching window; Service Quotas"),
        (f"{TABLE_WRITES:,} writes a second of a table", DAY * TABLE_WRITES / ten.writes, "Service Quotas; a stack for each operation"),
        (f"{MAPPING_CONCURRENCY:,} environments of a queue, ten messages a batch", DAY * rate(ten, MAPPING_CONCURRENCY), "a second stack"),
    ]
    found.sort(key=lambda limit: limit[1])
    return table(["what breaks", "wishes a day", "what answers it"], [[name, rounded(carries), knob] for name, carries, knob in found], right=(1,))


def rate(work: Work, environments: int) -> float:
    """Wishes a second."""
    return environments * work.batch * 1000 / work.billed


def scale() -> str:
    """Ten messages a batch, all of them new."""
    loads = {"10^6 a day": (1e6, DAY), "10^6 a day, all in one hour": (1e6, 3600), "10^9 a day": (1e9, DAY)}
    columns = [list(sizes(wishes, seconds).items()) for wishes, seconds in loads.values()]
    rows = [[rows[0][0], *(value for _, value in rows)] for rows in zip(*columns, strict=True)]
    return table(["", *loads], rows)


def sizes(wishes: float, seconds: float) -> dict[str, str]:
    shape = shapes()[1]
    ours = shape.ours
    second = wishes / seconds
    environments = second / rate(ours, 1)
    remembered = wishes * RETENTION
    monthly = parts(ours, wishes=wishes * MONTH_DAYS)
    keys = max(environments, 1) * MONTH_HOURS * 3600 / KEY_IS_CACHED
    return {
        "wishes a second": quantity(second),
        "environments at work, Reveille": quantity(environments),
        "environments at work, Powertools": quantity(second / rate(shape.rival, 1)),
        f"hours of work for `MaximumConcurrency` {MAXIMUM_CONCURRENCY}": quantity(wishes / rate(ours, MAXIMUM_CONCURRENCY) / 3600),
        "messages in flight, if 1 in 100 waits for a busy target": quantity(environments * BATCH + second / 100 * BUSY_DELAY),
        "ledger requests a second, Reveille": quantity(second / BATCH * 2),
        "ledger requests a second, Powertools": quantity(second * 2),
        "write units a second, both": quantity(second * ours.writes),
        f"partitions that takes, at {PARTITION_WRITES:,} each": quantity(math.ceil(second * ours.writes / PARTITION_WRITES)),
        f"items in the ledger after {RETENTION} days": quantity(remembered),
        "their size, as billed": size(remembered * stored(ours)),
        "items that expire each second": quantity(wishes / DAY),
        "logs a day": size(wishes / BATCH * ours.log_bytes),
        "pipelines that build without a pause": quantity(wishes * BUILD_MINUTES * 60 / DAY),
        "dollars a month for requests, time and queue": whole(sum(monthly[part] for part in PARTS[:4])),
        "dollars a month for the ledger's storage": whole(monthly["ledger storage"]),
        "dollars a month for logs": whole(monthly["logs"]),
        "dollars a month for the table's key": whole(keys * dollars("KMS request")),
        "dollars a month for the instances that build": whole(wishes * MONTH_DAYS * BUILD_MINUTES / 60 * dollars("EC2 instance")),
    }


def inputs() -> str:
    rows = [
        ["Reveille works on an invocation, and on each new wish", f"{OURS.invocation} ms, {OURS.new} ms", "`make bench`: processor time, rounded"],
        ["Reveille works on each duplicate", f"{OURS.duplicate} ms", "`make bench`: processor time, rounded"],
        ["Powertools works on an invocation, and on each new wish", f"{RIVAL.invocation} ms, {RIVAL.new} ms", "`make bench`: processor time, rounded"],
        ["Powertools works on each duplicate", f"{RIVAL.duplicate} ms", "`make bench`: processor time, rounded"],
        ["start, Reveille and Powertools", f"{OURS.start} ms, {RIVAL.start} ms", "`make bench`: processor time, rounded"],
        ["DynamoDB, SQS, Image Builder answer after", f"{LEDGER_ANSWERS} ms, {QUEUE_ANSWERS} ms, {API_ANSWERS} ms", "assumed"],
        ["invocations that start an environment", f"{COLD_STARTS:.0%}", "AWS says fewer than that"],
        ["a STARTED item", f"{item_size(ITEM)} bytes", "the release binary's, by DynamoDB's rules"],
        ["the same with Powertools", f"{RIVAL_ITEM} bytes", "assumed"],
        ["log line: started, duplicate, deferred", ", ".join(str(len(line)) for line in (STARTED_LINE, DUPLICATE_LINE, DEFERRED_LINE)) + " bytes", "the release binary's output"],
        ["line of metrics for ten wishes", f"{len(METRICS_LINE)} bytes", "the release binary's output"],
        ["Lambda's own two lines for an invocation", f"{sum(map(len, LAMBDA_LINES))} bytes", "its documentation"],
        ["a log in storage", f"{COMPRESSION:.0%} and {STORED_LOG_OVERHEAD} bytes a line", "assumed"],
        ["a build", f"{BUILD_MINUTES} minutes", "assumed: 15 to 25"],
    ]
    return table(["input", "", "from"], rows, right=())


def prices() -> str:
    rows = [
        [name, f"{price.dollars:g}", f"{'million ' if price.count == MILLION else ''}{price.unit}",
         f"[{price.page}](https://aws.amazon.com/{price.page}/pricing/)", price.read]
        for name, price in PRICES.items()
    ]
    return table(["price", "dollars", "for", "AWS's page", "last read"], rows, right=(1,))


def table(head: list[str], rows: Iterable[list[str]], text: int = 1, right: tuple[int, ...] | None = None) -> str:
    """Markdown. Columns after the first `text` ones are figures, unless `right` names those."""
    figures = range(text, len(head)) if right is None else right
    rule = ["---:" if column in figures else "---" for column in range(len(head))]
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, rule, *rows])


def money(dollars: float) -> str:
    # Half a cent is rounded up, as by hand, and not to the even neighbour.
    return f"{dollars + 1e-9:.2f}"


def whole(dollars: float) -> str:
    return f"{dollars:,.0f}" if dollars >= 10 else money(dollars)


def milliseconds(value: float) -> str:
    return f"{value:.1f} ms"


def quantity(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def rounded(value: float) -> str:
    """To two digits that count."""
    return f"{round(value, 1 - math.floor(math.log10(value))):,.0f}"


def size(count: float) -> str:
    return f"{count / GB:,.1f} GB" if count < 1024 * GB else f"{count / GB / 1024:,.1f} TB"


def filled(page: str) -> str:
    """The page with every block as it is now."""
    found = blocks()
    marked = {name for _, name, _ in BLOCK.findall(page)}
    if marked != found.keys():
        raise SystemExit(f"{PAGE} has markers for {sorted(marked)}, expected {sorted(found)}")
    return BLOCK.sub(lambda match: f"{match[1]}{found[match[2]]}{match[3]}", page)


def aligned(text: str) -> Iterator[str]:
    """A table for the screen."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for place, row in enumerate(cells):
        yield "  ".join(
            "-" * width if place == 1 else cell.rjust(width) if cells[1][column].endswith(":") else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        PAGE.write_text(filled(PAGE.read_text()))
        return 0
    if arguments:
        print(f"found {arguments}, expected nothing or --write", file=sys.stderr)
        return 2
    print("\n\n".join("\n".join(aligned(text)) for text in blocks().values()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
