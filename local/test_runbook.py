"""What the documents tell an operator to type is found, run, and believed to fail."""

from __future__ import annotations

import os
import re
import tempfile
import unittest
from pathlib import Path

from check_template import expand, of_type
from progress import StepFailed
from runbook import DOCUMENTS, Command, command, commands
from workspace import ROOT

DOCUMENT = """
Text with `$ not this`.

```console
$ reveille list --since 24h
what it prints
$ reveille show t  # exits with 1
```

```sh
$ aws sqs purge-queue
```

```console
$ reveille list --status DEFERRED  # exits with 0 or 1
```
"""


class TestCommands(unittest.TestCase):
    def test_the_commands_of_console_blocks_are_found_with_their_exit_codes(self) -> None:
        self.assertEqual(
            [(found.text.partition("  #")[0], set(found.codes)) for found in commands_of(DOCUMENT)],
            [("reveille list --since 24h", {0}), ("reveille show t", {1}), ("reveille list --status DEFERRED", {0, 1})],
        )

    def test_a_document_without_commands_is_refused(self) -> None:
        with self.assertRaisesRegex(StepFailed, "found no command"):
            commands_of("```sh\n$ true\n```\n")

    def test_a_command_that_ends_as_expected_passes(self) -> None:
        for text in ("true", "exit 1  # exits with 1", "exit 1  # exits with 0 or 1", "true  # exits with 0 or 1"):
            with self.subTest(text):
                command(text).run(dict(os.environ))

    def test_any_other_exit_code_fails_with_the_output(self) -> None:
        for text, expected in (("echo seen; exit 3", "code 3, expected 0.*seen"), ("true  # exits with 1", "code 0, expected 1")):
            with self.subTest(text), self.assertRaisesRegex(StepFailed, f"(?s){expected}"):
                command(text).run(dict(os.environ))

    def test_the_documents_call_only_what_is_built_here(self) -> None:
        for document in DOCUMENTS:
            for found in commands(document):
                with self.subTest(document=document.name, command=found.text):
                    self.assertRegex(found.text, r"^reveille ")


class TestAlarms(unittest.TestCase):
    def test_every_alarm_names_its_section_of_the_runbook(self) -> None:
        headings = re.findall(r"^##+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
        for name, alarm in of_type(expand((ROOT / "template.yaml").read_text()), "AWS::CloudWatch::Alarm"):
            with self.subTest(name):
                named = re.search(r"Runbook: (.+)\.$", alarm["Properties"]["AlarmDescription"])
                self.assertIn(named and named[1], headings)


def commands_of(text: str) -> list[Command]:
    with tempfile.TemporaryDirectory() as directory:
        document = Path(directory) / "document.md"
        document.write_text(text)
        return list(commands(document))


if __name__ == "__main__":
    unittest.main()
