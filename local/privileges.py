"""Compares what the functions' roles allow with the calls that were made in a run: none missing, none unused.

Calls of the operations are counted by the simulator, those to DynamoDB and SQS are recorded by MiniStack,
which refused what no role allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stack import BATCHES, Stack
from workspace import ACCESS_KEY

# Allowed, though no code of ours calls it.
NOT_OURS = {
    "sqs:ReceiveMessage": "Lambda reads the queue with the function's role",
    "sqs:DeleteMessage": "so it acknowledges",
    "sqs:GetQueueAttributes": "so it sees how many wait",
    "logs:CreateLogStream": "Lambda writes the log with the function's role",
    "logs:PutLogEvents": "so it does",
    "iam:PassRole": "asked for beside StartResourceStateUpdate where a wish names a role",
    "imagebuilder:TagResource": "asked for beside StartImagePipelineExecution where a wish has tags",
}

# How the statements begin that are authorised each as its own action.
STATEMENTS = {
    "dynamodb:PartiQLInsert": "INSERT INTO ",
    "dynamodb:PartiQLSelect": "SELECT * FROM ",
    "dynamodb:PartiQLUpdate": "UPDATE ",
}


def findings(stack: Stack, services: Mapping[str, Mapping[str, Any]], operations: Iterable[str]) -> list[str]:
    """What is allowed and was not called, or was called and is not allowed, in sentences."""
    allowed: set[str] = set()
    sentences = []
    for operation in operations:
        own = actions(stack, stack.outputs[f"{operation}FunctionName"])
        if not any(action.endswith(f":{operation}") for action in own):
            sentences.append(f"found a role of {operation} that does not allow {operation}, expected it to")
        allowed |= own
    called = recorded(stack, allowed) | {
        f"{service}:{name}" for service, counts in services.items() for name, count in counts.items() if count["requests"]
    }
    sentences += [f"found {action} called, expected a role that allows it" for action in sorted(called - allowed)]
    unused = allowed - called - NOT_OURS.keys()
    return sentences + [f"found {action} allowed, expected a call of it or a reason" for action in sorted(unused)]


def actions(stack: Stack, function: str) -> set[str]:
    """What the function's role allows, without what only MiniStack asks for."""
    roles = stack.client("iam")
    role = stack.client("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    found: set[str] = set()
    for name in roles.list_role_policies(RoleName=role)["PolicyNames"]:
        for statement in roles.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
            found |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return found - set(BATCHES.values())


def recorded(stack: Stack, allowed: Iterable[str]) -> set[str]:
    """Which of these calls the functions made to MiniStack; everybody else has the keys of this machine."""
    trail = stack.client("cloudtrail")

    def was_made(action: str, statement: str = "") -> bool:
        service, _, name = action.partition(":")
        # The newest fifty of this name; it has no further pages.
        events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
        return any(
            event["EventSource"] == f"{service}.amazonaws.com" and event["AccessKeyId"] != ACCESS_KEY
            and statement in event["CloudTrailEvent"]
            for event in events
        )

    return {
        action for action in allowed
        if was_made(action) or was_made(BATCHES.get(action, action), STATEMENTS.get(action, ""))
    }
