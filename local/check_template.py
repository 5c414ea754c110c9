"""Checks in template.yaml what no linter knows and no emulator applies.

`check_template.py SOURCE EXPANDED` reads the SAM template SOURCE, writes it as plain CloudFormation
to EXPANDED (for cfn-lint to read as well), and prints what is wrong. Most checks read the expanded
template, since that is what AWS gets.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the translator asks for one

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it misses a place to send its metrics to

Template = dict[str, Any]
Resource = dict[str, Any]

FOURTEEN_DAYS = 14 * 24 * 60 * 60
MAX_RECEIVE_COUNT = 200
LEAST_RETENTION_DAYS = 29  # a queue and its dead-letter queue can hold a message for 28
REQUIRED_VARIABLES = {
    "LEDGER_TABLE", "QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "LEDGER_RETENTION_DAYS",
    "MAX_ATTEMPTS", "MAX_BUSY_HOURS", "CONCURRENT_CALLS",
}
VARIABLES = REQUIRED_VARIABLES | {"LEASE_MARGIN_SECONDS"}
ENDPOINT = "AWS_ENDPOINT_URL_"  # a service's own endpoint, which the SDK reads
SCHEDULE_CONTEXT = ('"scheduleArn":"<aws.scheduler.schedule-arn>"', '"scheduledTime":"<aws.scheduler.scheduled-time>"')
# AWS has no resource-level control for these, so nothing but the resource "*" allows them.
WITHOUT_RESOURCES = {"appstream:DescribeImageBuilders"}
# The statements of every function's roles; the others allow the calls of its operation.
COMMON_STATEMENTS = {"Ledger", "Receive", "Send", "Log", "Invoke", "DeadLetter"}
# What every function is watched for, by the alarm's name after the operation: its metric, and what no
# data means.
ALARMS = {
    "DeadLetters": ("ApproximateNumberOfMessagesVisible", "notBreaching"),
    "Errors": ("Errors", "notBreaching"),
    "Throttles": ("Throttles", "notBreaching"),
    "Age": ("ApproximateAgeOfOldestMessage", "notBreaching"),
    "Denied": ("Denied", "notBreaching"),
    "OutcomeUnknown": ("OutcomeUnknown", "notBreaching"),
    "MissedStart": ("StartedOnSchedule", "breaching"),
}
ALARM_ACTIONS = {"Fn::If": ["AlarmsAreMailed", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}
WATCHED = "StartsAreWatched"  # the condition of the alarm for missed starts, after the operation
SEVEN_DAYS = 7 * 24  # hours; no alarm looks back further
# In what else two blocks may differ: words for people, code, and whether they exist at all.
OWN = {"Description", "AlarmDescription", "Code", "Condition"}


def main(source: Path, expanded: Path) -> int:
    text = source.read_text()
    expanded.parent.mkdir(parents=True, exist_ok=True)
    expanded.write_text(json.dumps(expand(text), indent=2))
    found = check(text)
    for sentence in found:
        print(f"{source.name}: {sentence}", file=sys.stderr)
    return 1 if found else 0


def check(source: str) -> list[str]:
    """Every sentence says what was found and what was expected."""
    template = expand(source)
    return [
        *check_parameters(template),
        *check_tables(template),
        *check_queues(template),
        *check_functions(template),
        *check_event_sources(template),
        *check_schedules(template),
        *check_roles(template),
        *check_alarms(template),
        *check_wildcards(source),
        *check_blocks(template),
        *check_conditions(template),
    ]


def expand(source: str) -> Template:
    """The template as the SAM transform gives it to CloudFormation."""
    template = yaml_parse(source)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"  # as if packaged
    return transform(template, {}, NoManagedPolicies())


class NoManagedPolicies:
    """Ours are written out, so the translator need not ask AWS for any."""

    def load(self) -> dict[str, str]:
        return {}


# ---------------------------------------------------------------- what is checked


def check_parameters(template: Template) -> Iterator[str]:
    retention = template["Parameters"]["LedgerRetentionDays"]
    for key in ("Default", "MinValue"):
        if retention.get(key, 0) < LEAST_RETENTION_DAYS:
            yield f"LedgerRetentionDays: found {key} {retention.get(key)}, expected at least {LEAST_RETENTION_DAYS}"
    for name, parameter in template["Parameters"].items():
        if name.endswith("ScheduleExpression"):
            yield from check_schedule_parameter(name, parameter)
        if name.endswith("MissedStartHours") and parameter.get("MaxValue", SEVEN_DAYS + 1) > SEVEN_DAYS:
            yield f"{name}: found MaxValue {parameter.get('MaxValue')}, expected at most {SEVEN_DAYS}, as CloudWatch allows"


def check_schedule_parameter(name: str, parameter: Resource) -> Iterator[str]:
    """What a deployment would refuse only after minutes is refused before it begins."""
    pattern = re.compile(parameter.get("AllowedPattern", ""))
    for expression in ("rate(5 minute)", "rate(1 hours)", "rate(0 hours)", "cron(0 2 * * ?)", "0 2 * * ? *"):
        if pattern.fullmatch(expression):
            yield f"{name}: found an AllowedPattern that takes {expression}, expected it to be refused"
    for expression in ("rate(1 hour)", "rate(5 minutes)", "cron(0 2 ? * MON-FRI *)", "at(2026-11-20T01:00:00)"):
        if not pattern.fullmatch(expression):
            yield f"{name}: found an AllowedPattern that refuses {expression}, expected it to be taken"


def check_tables(template: Template) -> Iterator[str]:
    for name, table in of_type(template, "AWS::DynamoDB::Table"):
        yield from expect(name, table, "DeletionPolicy", "Retain")
        yield from expect(name, table, "UpdateReplacePolicy", "Retain")
        wanted = {"AttributeName": "expiresAt", "Enabled": True}
        yield from expect(name, table, "Properties.TimeToLiveSpecification", wanted)
        recovery = "Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled"
        yield from expect(name, table, recovery, True)
        yield from expect(name, table, "Properties.SSESpecification.SSEEnabled", True)
        yield from expect(name, table, "Properties.DeletionProtectionEnabled", True)


def check_queues(template: Template) -> Iterator[str]:
    queues = dict(of_type(template, "AWS::SQS::Queue"))
    dead_letter_queues = {target(queue, "Properties.RedrivePolicy.deadLetterTargetArn") for queue in queues.values()}
    for name, queue in queues.items():
        yield from expect(name, queue, "Properties.SqsManagedSseEnabled", True)
        yield from expect(name, queue, "Properties.MessageRetentionPeriod", FOURTEEN_DAYS)
        if name in dead_letter_queues:
            continue
        yield from expect(name, queue, "Properties.RedrivePolicy.maxReceiveCount", MAX_RECEIVE_COUNT)
        if target(queue, "Properties.RedrivePolicy.deadLetterTargetArn") not in queues:
            yield f"{name}: found no dead-letter queue of this template in RedrivePolicy, expected one"


def check_functions(template: Template) -> Iterator[str]:
    log_groups = dict(of_type(template, "AWS::Logs::LogGroup"))
    for name, function in of_type(template, "AWS::Lambda::Function"):
        yield from check_variables(name, function)
        yield from expect(name, function, "Properties.LoggingConfig.LogFormat", "JSON")
        log_group = log_groups.get(target(function, "Properties.LoggingConfig.LogGroup"), {})
        if not at(log_group, "Properties.RetentionInDays"):
            yield f"{name}: found no log group with RetentionInDays in LoggingConfig, expected one"
        if target(function, "Properties.DeadLetterConfig.TargetArn") not in dict(of_type(template, "AWS::SQS::Queue")):
            yield f"{name}: found no queue in DeadLetterConfig, expected its dead-letter queue"


def check_variables(name: str, function: Resource) -> Iterator[str]:
    found = set(at(function, "Properties.Environment.Variables") or {})
    for missing in sorted(REQUIRED_VARIABLES - found):
        yield f"{name}: found no environment variable {missing}, expected it"
    for unknown in sorted(variable for variable in found - VARIABLES if not variable.startswith(ENDPOINT)):
        yield f"{name}: found environment variable {unknown}, expected only {', '.join(sorted(VARIABLES))}"


def check_event_sources(template: Template) -> Iterator[str]:
    for name, mapping in of_type(template, "AWS::Lambda::EventSourceMapping"):
        yield from expect(name, mapping, "Properties.FunctionResponseTypes", ["ReportBatchItemFailures"])
        if at(mapping, "Properties.ScalingConfig.MaximumConcurrency") is None:
            yield f"{name}: found no MaximumConcurrency in ScalingConfig, expected a bound"
        queue = template["Resources"].get(target(mapping, "Properties.EventSourceArn"), {})
        function = template["Resources"].get(target(mapping, "Properties.FunctionName"), {})
        visibility = at(queue, "Properties.VisibilityTimeout") or 30
        least = 6 * (at(function, "Properties.Timeout") or 3)
        if visibility < least:
            yield f"{name}: found a queue with VisibilityTimeout {visibility}, expected at least {least} (6 x Timeout)"


def check_schedules(template: Template) -> Iterator[str]:
    for name, schedule in of_type(template, "AWS::Scheduler::Schedule"):
        expression = resolved(template, at(schedule, "Properties.ScheduleExpression"))
        if problem := schedule_problem(expression):
            yield f"{name}: found ScheduleExpression {expression}, expected {problem}"
        for key in ("ScheduleExpressionTimezone", "State", "Target.RetryPolicy", "Target.RoleArn"):
            if not at(schedule, f"Properties.{key}"):
                yield f"{name}: found no {key}, expected one"
        if not target(schedule, "Properties.Target.DeadLetterConfig.Arn"):
            yield f"{name}: found no DeadLetterConfig, expected the function's dead-letter queue"
        text = json.dumps(at(schedule, "Properties.Target.Input")).replace('\\"', '"')
        for context in SCHEDULE_CONTEXT:
            if context not in text:
                yield f"{name}: found an Input without {context}, expected it"


def check_roles(template: Template) -> Iterator[str]:
    for name, role in of_type(template, "AWS::IAM::Role"):
        if at(role, "Properties.ManagedPolicyArns"):
            yield f"{name}: found ManagedPolicyArns, expected only policies that are written out"
        for statement in at(role, "Properties.AssumeRolePolicyDocument.Statement"):
            if at(statement, "Principal.Service") == "scheduler.amazonaws.com" and "aws:SourceAccount" not in json.dumps(statement):
                yield f"{name}: found a trust in Scheduler without aws:SourceAccount, expected that condition"
        for policy in at(role, "Properties.Policies") or []:
            for action in re.findall(r'"[a-z]+:[A-Za-z]*\*"', json.dumps(policy)):
                yield f"{name}: found action {action}, expected actions that are written out"
            for statement in mappings_with("Action", policy):
                yield from check_statement(name, statement)


def check_statement(name: str, statement: Resource) -> Iterator[str]:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    if statement["Resource"] == "*" and not WITHOUT_RESOURCES.issuperset(actions):
        yield f"{name}: found {', '.join(actions)} on *, expected resources of its own service"
    passed_to = at(statement, "Condition.StringEquals") or {}
    if "iam:PassRole" in actions and not passed_to.get("iam:PassedToService"):
        yield f"{name}: found iam:PassRole to any service, expected the condition iam:PassedToService"


def check_alarms(template: Template) -> Iterator[str]:
    """Every function has every alarm; each tells somebody and is on the dashboard."""
    for operation in operations(template):
        shown = [alarm for widget in widgets(template, operation) for alarm in at(widget, "properties.alarms") or []]
        for suffix, (metric, no_data) in ALARMS.items():
            name = f"{operation}{suffix}Alarm"
            if not (alarm := template["Resources"].get(name)):
                yield f"{name}: found no such alarm, expected one on {metric}"
                continue
            yield from expect(name, alarm, "Properties.MetricName", metric)
            yield from expect(name, alarm, "Properties.TreatMissingData", no_data)
            yield from expect(name, alarm, "Properties.AlarmActions", ALARM_ACTIONS)
            if f"{name}.Arn" not in shown:
                yield f"{name}: found no widget of the dashboard that shows it, expected one"


def check_wildcards(source: str) -> Iterator[str]:
    """A resource that ends in a wildcard needs its reason beside it, in a comment of the statement."""
    lines = source.splitlines()
    for statement in statements(yaml.compose(source)):
        # The mark at the end of a block lies behind the comments of whatever comes next.
        last = max(node.end_mark.line for node in scalars(statement))
        if has_comment(lines[statement.start_mark.line:last]):
            continue
        for wildcard in wildcards(statement):
            yield f"line {wildcard.start_mark.line + 1}: found resource {wildcard.value} without a reason, " \
                  "expected a comment in the statement that says why"


def check_blocks(template: Template) -> Iterator[str]:
    """What differs between two functions is the operation alone."""
    first, *others = operations(template)
    expected = block(template, first)
    for operation in others:
        found = block(template, operation)
        for suffix in sorted(expected.keys() | found.keys()):
            if found.get(suffix) != expected.get(suffix):
                yield f"{operation}{suffix}: found another one than {first}{suffix}, expected them to be alike"


def check_conditions(template: Template) -> Iterator[str]:
    """What belongs to a function exists with it, or not at all; only missed starts need a schedule too."""
    for operation in operations(template):
        of_function = template["Resources"][f"{operation}Function"].get("Condition")
        watched = f"{operation}{WATCHED}"
        for section in ("Resources", "Outputs"):
            for name, value in template[section].items():
                expected = watched if name == f"{operation}MissedStartAlarm" else of_function
                if name.startswith(operation) and value.get("Condition") != expected:
                    yield f"{name}: found Condition {value.get('Condition')}, expected {expected}"
        needed = {of_function, f"{operation}IsScheduled"} - {None}
        for missing in sorted(needed - conditions_of(template, watched)):
            yield f"{watched}: found no {missing} in it, expected that condition"


def conditions_of(template: Template, name: str) -> set[str]:
    """The conditions that another one consists of."""
    return {part["Condition"] for part in mappings_with("Condition", template["Conditions"].get(name))}


# ---------------------------------------------------------------- the block of a function


def operations(template: Template) -> list[str]:
    return [name.removesuffix("Function") for name, _ in of_type(template, "AWS::Lambda::Function")]


def block(template: Template, operation: str) -> dict[str, str]:
    """What belongs to a function, by its name after the operation, without what is the operation's own."""
    parts: dict[str, Any] = {"'s widgets on the dashboard": widgets_as_of_the_first(template, operation)}
    for section in ("Resources", "Outputs"):
        parts |= {name: value for name, value in template[section].items() if name.startswith(operation)}
    slug = re.sub(r"(?<!^)([A-Z])", r"-\1", operation).lower()
    texts = {name.removeprefix(operation): json.dumps(without_own(part), sort_keys=True) for name, part in parts.items()}
    return {name: text.replace(operation, "").replace(slug, "") for name, text in texts.items()}


def widgets_as_of_the_first(template: Template, operation: str) -> list[Any]:
    """Its widgets where those of the first function are: alarms stand side by side, the others below each other."""
    first, *_ = operations(template)
    number, model = operations(template).index(operation), widgets(template, first)
    width = sum(widget["width"] for widget in model if widget["type"] == "alarm")
    rows = [widget for widget in model if widget["type"] != "alarm"]
    height = max(widget["y"] + widget["height"] for widget in rows) - min(widget["y"] for widget in rows)
    return [
        widget | ({"x": widget["x"] - number * width} if widget["type"] == "alarm" else {"y": widget["y"] - number * height})
        for widget in widgets(template, operation)
    ]


def widgets(template: Template, operation: str) -> list[Any]:
    """The widgets of the dashboard that are about one function."""
    bodies = (at(dashboard, "Properties.DashboardBody") for _, dashboard in of_type(template, "AWS::CloudWatch::Dashboard"))
    found = [widget for body in bodies for widget in json.loads(substituted(body))["widgets"]]
    return [widget for widget in found if operation in json.dumps(widget)]


def substituted(value: Any) -> str:
    """A text as it is where every condition holds, with the names of what it refers to in their place."""
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        return substituted(value["Fn::If"][1])
    text, variables = value["Fn::Sub"], {}
    if isinstance(text, list):
        text, variables = text
    known = {name: substituted(variable) for name, variable in variables.items()}
    return re.sub(r"\$\{([^}]+)\}", lambda found: known.get(found[1], found[1]), text)


def without_own(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_own(part) for name, part in value.items() if name not in OWN and not name.startswith(ENDPOINT)}
    if isinstance(value, list):
        return [without_own(part) for part in value if not is_own_statement(part)]
    return value


def is_own_statement(value: Any) -> bool:
    """A statement, or a choice of one, that is not in every role."""
    choice = at(value, "Fn::If")
    statement = choice[1] if choice else value
    return (at(statement, "Sid") or "Log") not in COMMON_STATEMENTS


# ---------------------------------------------------------------- schedule expressions


def schedule_problem(expression: str) -> str:
    """What EventBridge Scheduler would have expected, or nothing."""
    kind, _, rest = expression.partition("(")
    if not rest.endswith(")"):
        return "rate(...), cron(...) or at(...)"
    check_kind = {"rate": rate_problem, "cron": cron_problem, "at": at_problem}.get(kind)
    return check_kind(rest[:-1]) if check_kind else "rate(...), cron(...) or at(...)"


def rate_problem(rate: str) -> str:
    found = re.fullmatch(r"([1-9][0-9]*) (minute|hour|day)(s?)", rate)
    if not found:
        return "rate(NUMBER UNIT) with the unit minutes, hours or days"
    number, _, plural = found.groups()
    if (number == "1") == bool(plural):
        return "a unit in the singular after 1, and in the plural after any other number"
    return ""


def cron_problem(cron: str) -> str:
    fields = cron.split(" ")
    if len(fields) != 6:
        return "six fields in cron(): minutes, hours, day of month, month, day of week, year"
    if (fields[2] == "?") == (fields[4] == "?"):
        return "? as either the day of month or the day of week, and not as both"
    for field, (name, pattern, least, most) in zip(fields, CRON_FIELDS, strict=True):
        if not re.fullmatch(pattern, field):
            return f"{name} that cron() knows"
        if any(not least <= int(number) <= most for number in re.findall(r"(?<![/#\d])\d+", field)):
            return f"{name} from {least} to {most}"
    return ""


def cron_field(name: str, least: int, most: int, words: str = "", extra: str = "") -> tuple[str, str, int, int]:
    value = rf"(?:\d+{'|' + words if words else ''})"
    item = rf"(?:\*|{value}(?:-{value})?)(?:/\d+)?"
    return name, rf"{item}(?:,{item})*{'|' + extra if extra else ''}", least, most


CRON_FIELDS = (
    cron_field("minutes", 0, 59),
    cron_field("hours", 0, 23),
    cron_field("days of the month", 1, 31, extra=r"\?|L|\d+W"),
    cron_field("months", 1, 12, words="JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"),
    cron_field("days of the week", 1, 7, words="SUN|MON|TUE|WED|THU|FRI|SAT", extra=r"\?|L|[1-7]L|[1-7]#[1-5]"),
    cron_field("years", 1970, 2199),
)


def at_problem(time: str) -> str:
    return "" if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", time) else "at(yyyy-mm-ddThh:mm:ss)"


# ---------------------------------------------------------------- reading a template


def of_type(template: Template, kind: str) -> list[tuple[str, Resource]]:
    return [(name, resource) for name, resource in template["Resources"].items() if resource["Type"] == kind]


def expect(name: str, resource: Resource, path: str, expected: Any) -> Iterator[str]:
    found = at(resource, path)
    if found != expected:
        yield f"{name}: found {path.removeprefix('Properties.')} {found}, expected {expected}"


def at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def target(resource: Resource, path: str) -> str:
    """The logical id that a property points to."""
    value = at(resource, path)
    if not isinstance(value, dict):
        return ""
    name = value.get("Ref") or value.get("Fn::GetAtt") or ""
    return name[0] if isinstance(name, list) else name.partition(".")[0]


def resolved(template: Template, value: Any) -> str:
    """A value, or the default of the parameter that it comes from."""
    return template["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value


def mappings_with(key: str, value: Any) -> Iterator[Resource]:
    """The mappings that have this key, wherever they are."""
    if isinstance(value, dict):
        if key in value:
            yield value
        for part in value.values():
            yield from mappings_with(key, part)
    elif isinstance(value, list):
        for part in value:
            yield from mappings_with(key, part)


def statements(node: yaml.Node) -> Iterator[yaml.Node]:
    """The statements of the policies in a template, wherever they are."""
    if isinstance(node, yaml.MappingNode):
        if any(key.value == "Effect" for key, _ in node.value):
            yield node
        for _, value in node.value:
            yield from statements(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from statements(value)


def wildcards(statement: yaml.Node) -> Iterator[yaml.Node]:
    resources = [value for key, value in statement.value if key.value == "Resource"]
    return (node for resource in resources for node in scalars(resource) if node.value.endswith("*"))


def scalars(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from scalars(value)
    else:
        for _, value in node.value:
            yield from scalars(value)


def has_comment(lines: list[str]) -> bool:
    return any(line.lstrip().startswith("#") for line in lines)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
