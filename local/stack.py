"""AWS on this machine: MiniStack with the real template deployed on it, and the simulator.

`stack.py up` starts it and leaves it running; `stack.py down` ends it. The demo uses the same class.
All of it listens on 127.0.0.1 only, on ports that happen to be free, and begins empty each time.
"""

from __future__ import annotations

import fcntl
import json
import re
import shlex
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import examples
import interrupts
import processes
from processes import Process
from progress import Progress, Step, StepFailed, tail
from workspace import ACCESS_KEY, REGION, ROOT, SECRET_KEY, STATE, VENVS, environment

TOOLS = VENVS / "tools" / "bin"
EMULATOR = VENVS / "emulator" / "bin"
SIMULATOR = ROOT / "target" / "debug" / "simulator"
BUILT_TEMPLATE = ROOT / ".aws-sam" / "build" / "template.yaml"
STACK_NAME = "reveille"
HEALTHY_WITHIN = 60.0
STEPS = 4  # that `Stack.up` goes through
# AWS authorises a batch as the single calls in it, MiniStack under the batch's own name.
BATCHES = {
    "dynamodb:PartiQLInsert": "dynamodb:BatchExecuteStatement",
    "dynamodb:PartiQLSelect": "dynamodb:BatchExecuteStatement",
    "dynamodb:PartiQLUpdate": "dynamodb:BatchExecuteStatement",
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
}


def main(arguments: list[str]) -> int:
    if arguments not in (["up"], ["down"]):
        print(f"found arguments {arguments}, expected up or down", file=sys.stderr)
        return 2
    interrupts.install()
    stack = Stack("up")
    try:
        return up(stack) if arguments == ["up"] else down(stack)
    except StepFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was left running", file=sys.stderr)
        return 130


def up(stack: Stack) -> int:
    with stack.locked():
        if stack.is_running():
            print("the stack is already up; `make down` ends it")
        else:
            try:
                stack.up(Progress(STEPS), world=examples.world(), parameters=dict)
            except BaseException:
                stack.down()
                raise
        print(how_to_talk_to(stack))
    return 0


def down(stack: Stack) -> int:
    with stack.locked():
        stack.down()
    print("the stack is down; nothing is left running")
    return 0


def how_to_talk_to(stack: Stack) -> str:
    sam = f"{(TOOLS / 'sam').relative_to(ROOT)} remote invoke --stack-name {STACK_NAME}"
    event = (examples.EVENTS / "start-image-pipeline-execution" / "direct.json").relative_to(ROOT)
    return f"""
In a shell at the root of the repository:

  source {stack.environment_file.relative_to(ROOT)}

  # start a pipeline by invoking the function
  {sam} StartImagePipelineExecutionFunction \\
      --event-file {event}

  # the same by the queue
  {sam} StartImagePipelineExecutionQueue \\
      --event-file {event}

  # what AWS was asked, and what it did
  curl -s $SIMULATOR/simulator/summary

The other functions are called alike, and have examples in {examples.EVENTS.relative_to(ROOT)} too.
Logs are in {stack.logs.relative_to(ROOT)}. `make down` ends the stack."""


class Stack:
    """One running copy of everything, with all its files in one directory."""

    def __init__(self, name: str) -> None:
        self.directory = STATE / name
        self.logs = self.directory / "log"
        self.environment_file = self.directory / "environment"
        self.record = self.directory / "stack.json"
        self.processes: list[Process] = []
        self.endpoint = self.simulator = ""
        self.outputs: dict[str, str] = {}
        if self.record.exists():
            self._load()

    def locked(self) -> IO[str]:
        """Refuses to do two things to one stack at a time; closing (or dying) gives it free."""
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = (self.directory / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StepFailed(f"another command is using {self.directory}; wait for it, or end it") from None
        return lock

    def is_running(self) -> bool:
        return bool(self.processes) and all(process.is_running() for process in self.processes)

    def up(self, progress: Progress, world: list[str], parameters: Callable[[], Mapping[str, str]]) -> None:
        """Starts everything, with what the simulator's arguments say that there is.

        The template's parameters are asked for when it is deployed: a build can take minutes.
        """
        self.down()
        self.logs.mkdir(parents=True, exist_ok=True)
        with progress.step("build the simulator and the `reveille` command") as step:
            step.run(["cargo", "build", "--package", "simulator", "--package", "reveille"], self.logs / "cargo-build.log", environment(), ROOT)
        with progress.step("build the functions for Lambda (sam build; minutes the first time)") as step:
            step.run([TOOLS / "sam", "build"], self.logs / "sam-build.log", environment(), ROOT, detail=compiling)
        with progress.step("start MiniStack and the simulator") as step:
            self._start_simulator(step, world)
            self._start_ministack(step)
        with progress.step("deploy template.yaml (sam deploy)") as step:
            self._deploy(step, parameters())

    def down(self) -> None:
        """Ends what was started, whoever started it, and makes sure of it."""
        with interrupts.held(drop=True):
            left = processes.stop(self.processes)
            if left:
                raise StepFailed(f"found {', '.join(left)} still running after SIGKILL, expected it to end")
            for url in (self.endpoint, self.simulator):
                if url and is_listening(url):
                    raise StepFailed(f"found somebody listening on {url}, expected the port to be free")
            self.processes, self.endpoint, self.simulator, self.outputs = [], "", "", {}
            for path in (self.record, self.environment_file, self._scratch):
                path.unlink(missing_ok=True) if not path.is_dir() else shutil.rmtree(path)

    def client(self, service: str) -> Any:
        # Imported here because `down` must work where nothing was installed.
        import boto3
        from botocore.config import Config

        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION,
            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
            config=Config(proxies={}, retries={"total_max_attempts": 3}),
        )

    def environment(self) -> dict[str, str]:
        """What `sam deploy`, the functions or MiniStack itself needs in order to find everything."""
        return environment() | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_IMAGEBUILDER": self.simulator,
            "AWS_ENDPOINT_URL_APPSTREAM": self.simulator,
        }

    def _start_simulator(self, step: Step, world: list[str]) -> None:
        process, log = self._start("simulator", [SIMULATOR, "--port", "0", *world], environment())
        announced = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
        wait_until(step, process, log, lambda: announced.search(log.read_text()))
        self.simulator = announced.search(log.read_text()).group(1)  # type: ignore[union-attr]
        self._save()

    def _start_ministack(self, step: Step) -> None:
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self._scratch.mkdir()
        process, log = self._start("ministack", [EMULATOR / "ministack"], self.environment() | {
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "LAMBDA_EXECUTOR": "local",
            "AUTH": "true",
            "CLOUDTRAIL_RECORDING": "1",
            "TMPDIR": str(self._scratch),
            "S3_DATA_DIR": str(self._scratch / "s3"),
            "STATE_DIR": str(self._scratch / "state"),
        })
        wait_until(step, process, log, lambda: is_healthy(f"{self.endpoint}/_ministack/health"))

    def _deploy(self, step: Step, parameters: Mapping[str, str]) -> None:
        # Nimble Studio has no endpoint but the one that is named; this turns its function on.
        parameters = {"StartStreamingSessionEndpointUrl": self.simulator, **parameters}
        overrides = [f"ParameterKey={key},ParameterValue={quoted(value)}" for key, value in parameters.items()]
        step.run(
            [TOOLS / "sam", "deploy", "--stack-name", STACK_NAME, "--region", REGION, "--no-progressbar",
             "--parameter-overrides", *overrides],
            self.logs / "sam-deploy.log", self.environment(), ROOT,
        )
        stack = self.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self._mend()
        self._save()

    def _mend(self) -> None:
        """Does again by API what MiniStack 1.5.33 gets wrong when it reads a template.

        A number that comes from a parameter stays text, on which it then stops reading all queues;
        and a function's DeadLetterConfig is dropped. Batches are to be allowed by their own names.
        """
        functions, queues, roles = self.client("lambda"), self.client("sqs"), self.client("iam")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            limit = int(mapping["ScalingConfig"]["MaximumConcurrency"])
            functions.update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": limit},
            )
        for operation in (key.removesuffix("FunctionName") for key in self.outputs if key.endswith("FunctionName")):
            queue = queues.get_queue_attributes(
                QueueUrl=self.outputs[f"{operation}DeadLetterQueueUrl"], AttributeNames=["QueueArn"],
            )
            functions.update_function_configuration(
                FunctionName=self.outputs[f"{operation}FunctionName"],
                DeadLetterConfig={"TargetArn": queue["Attributes"]["QueueArn"]},
            )
            function = functions.get_function_configuration(FunctionName=self.outputs[f"{operation}FunctionName"])
            allow_batches(roles, function["Role"].rpartition("/")[2])

    def _start(self, name: str, command: list[str | Path], env: Mapping[str, str]) -> tuple[Process, Path]:
        log = self.logs / f"{name}.log"
        with interrupts.held():
            process = processes.start(name, command, env, log, ROOT)
            self.processes.append(process)
            self._save()
        return process, log

    @property
    def _scratch(self) -> Path:
        """What MiniStack writes: function code, queue contents, its own process id."""
        return self.directory / "scratch"

    def _save(self) -> None:
        self.record.write_text(json.dumps({
            "processes": [asdict(process) for process in self.processes],
            "endpoint": self.endpoint,
            "simulator": self.simulator,
            "outputs": self.outputs,
        }, indent=2))
        names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        exported = {name: self.environment()[name] for name in names} | {
            "SIMULATOR": self.simulator, "SAM_CLI_TELEMETRY": "0", **self.outputs,
        }
        self.environment_file.write_text("".join(f"export {name}={shlex.quote(v)}\n" for name, v in exported.items()))

    def _load(self) -> None:
        found = json.loads(self.record.read_text())
        self.processes = [Process(**process) for process in found["processes"]]
        self.endpoint, self.simulator, self.outputs = found["endpoint"], found["simulator"], found["outputs"]


def allow_batches(roles: Any, role: str) -> None:
    for name in roles.list_role_policies(RoleName=role)["PolicyNames"]:
        policy = roles.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        policy["Statement"] += [batch for statement in policy["Statement"] for batch in batches_of(statement)]
        roles.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


def batches_of(statement: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the emulator asks for beside a statement; of PartiQL, whose tables are in its text, on any resource."""
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return [
        {"Effect": "Allow", "Action": batch, "Resource": "*" if "Statement" in batch else statement["Resource"]}
        for batch in sorted({BATCHES[action] for action in actions if action in BATCHES})
    ]


def wait_until(step: Step, process: Process, log: Path, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN
    while not condition():
        if not process.is_running():
            raise StepFailed(f"{process.name} ended at once, expected it to run; its output ({log}):\n\n{tail(log)}")
        if time.monotonic() > deadline:
            raise StepFailed(
                f"{process.name} did not answer within {HEALTHY_WITHIN:.0f} s; its output ({log}):\n\n{tail(log)}"
            )
        step.alive(f"waiting for {process.name}")
        time.sleep(0.1)


def compiling() -> str:
    """The crate that the release build is at: the SAM CLI keeps cargo's own output to itself."""
    begun = (ROOT / "target").glob("*/release/.fingerprint/*/invoked.timestamp")
    newest = max(begun, key=modified, default=None)
    return f"compiling {newest.parent.name.rpartition('-')[0]}" if newest else ""


def modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def is_healthy(url: str) -> bool:
    try:
        get_json(url)
    except OSError:
        return False
    return True


def get_json(url: str) -> Any:
    return json.loads(requested(urllib.request.Request(url)))


def put_json(url: str, value: Any) -> None:
    requested(urllib.request.Request(url, method="PUT", data=json.dumps(value).encode()))


def post_json(url: str, value: Any) -> None:
    requested(urllib.request.Request(url, method="POST", data=json.dumps(value).encode()))


def requested(request: urllib.request.Request) -> bytes:
    # A proxy in the environment is not for this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as answer:
        return answer.read()


def is_listening(url: str) -> bool:
    port = int(url.rpartition(":")[2])
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def quoted(value: str) -> str:
    """The SAM CLI reads a value in double quotes with backslashes before those within."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
