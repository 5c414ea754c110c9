"""docs/cost.md says what cost.py computes now, and cost.py computes from what the repository has."""

from __future__ import annotations

import json
import re
import unittest
from unittest import mock

import cost
from workspace import ROOT

TEMPLATE = (ROOT / "template.yaml").read_text()


class TestPage(unittest.TestCase):
    def test_every_table_of_the_page_is_what_the_script_prints_now(self) -> None:
        page = cost.PAGE.read_text()
        self.assertEqual(page, cost.filled(page), "run `python3 local/cost.py --write`")

    def test_a_page_without_one_of_the_tables_is_refused(self) -> None:
        page = cost.PAGE.read_text().replace("<!-- make cost: scale -->", "")
        with self.assertRaisesRegex(SystemExit, "markers for .* expected .*'scale'"):
            cost.filled(page)

    def test_a_stale_table_is_replaced_and_the_text_around_it_kept(self) -> None:
        page = "".join(f"before\n<!-- make cost: {name} -->\nstale\n<!-- end -->\nafter\n" for name in cost.blocks())
        found = cost.filled(page)
        self.assertNotIn("stale", found)
        self.assertEqual(found.count("before\n<!-- make cost: "), len(cost.blocks()))
        self.assertEqual(found.count("|\n<!-- end -->\nafter\n"), len(cost.blocks()))


class TestMillion(unittest.TestCase):
    def test_ten_new_messages_a_batch_cost_what_they_cost_by_hand(self) -> None:
        self.assert_parts(cost.shapes()[1].ours, {
            "Lambda requests": 0.02,  # 100,000 x 0.2e-6
            "Lambda time": 0.0596,  # 100,000 x 0.25 GB x (0.143 s + 1 % x 0.012 s) x 16.6667e-6
            "queue, schedule": 0.48,  # 1,000,000 sent, 100,000 received, 100,000 deleted, x 0.4e-6
            "ledger requests": 1.25,  # 2,000,000 x 0.625e-6
            "ledger storage": 0.3734,  # 1,000,000 x 891 bytes x 0.45 a GB
            "logs": 0.2315,  # 478,100,000 bytes x 0.5 a GB, and 105,515,000 bytes x 3 months x 0.03 a GB
        })

    def test_powertools_waits_for_one_wish_after_another(self) -> None:
        rival = cost.shapes()[1].rival
        self.assertEqual(rival.waits, 10 * (5 + 100 + 5))
        self.assertEqual(rival.billed, 1705)  # 1100 + 87.5 x 1769 / 256 = 1704.6

    def test_a_redelivered_wish_costs_a_read_and_powertools_a_write(self) -> None:
        shape = cost.shapes()[3]
        self.assertAlmostEqual(cost.parts(shape.ours)["ledger requests"], 0.125)
        self.assertAlmostEqual(cost.parts(shape.rival)["ledger requests"], 0.625)

    def test_logs_get_cheaper_by_the_tier(self) -> None:
        self.assertAlmostEqual(cost.ingestion(1024), 512)
        self.assertAlmostEqual(cost.ingestion(60 * 1024), 5120 + 5120 + 2048 + 512)

    def assert_parts(self, work: cost.Work, expected: dict[str, float]) -> None:
        self.assertEqual({part: round(dollars, 4) for part, dollars in cost.parts(work).items()}, expected)


class TestLimits(unittest.TestCase):
    def test_the_narrowest_comes_first(self) -> None:
        self.assertEqual(narrowest(), ("one pipeline, which builds one image at a time", "72"))  # builds of 20 minutes
        with mock.patch.object(cost, "SCHEDULER_INVOCATIONS", 0.0001):
            self.assertEqual(narrowest()[1], "9")

    def test_environments_are_the_rate_by_the_time_of_a_batch(self) -> None:
        found = cost.sizes(1e9, cost.DAY)
        self.assertEqual(found["wishes a second"], "11,574")
        self.assertEqual(found["environments at work, Reveille"], "166")  # 11,574 / 10 x 0.143 s
        self.assertEqual(found["environments at work, Powertools"], "1,973")  # 11,574 / 10 x 1.705 s


class TestInputs(unittest.TestCase):
    def test_the_constants_are_the_templates(self) -> None:
        self.assertEqual(found("MemorySize"), {cost.MEMORY})
        self.assertEqual(found("BatchSize"), {cost.BATCH})
        self.assertEqual(found("VisibilityTimeout"), {cost.VISIBILITY_TIMEOUT})
        self.assertEqual(default("ConcurrentCalls"), cost.CONCURRENT_CALLS)
        self.assertEqual(default("LedgerRetentionDays"), cost.RETENTION)
        self.assertEqual(default("LogRetentionDays"), cost.LOG_RETENTION)
        self.assertEqual(default("StartImagePipelineExecutionMaximumConcurrency"), cost.MAXIMUM_CONCURRENCY)
        alarms = re.findall(r"^  (?!StartStreamingSession)\w+Alarm:$", TEMPLATE, re.MULTILINE)
        self.assertEqual(len(alarms), cost.ALARMS)

    def test_the_lines_have_the_fields_that_are_logged(self) -> None:
        logged = (ROOT / "shared" / "src" / "driver" / "outcome.rs").read_text()
        fields = re.search(r"tracing::\$level!\((.*?)\"wish\"", logged, re.DOTALL)
        expected = re.findall(r"(\w+)(?: = \w+)?,", fields[1]) if fields else []
        added = {"timestamp", "level", "message", "span"}
        self.assertEqual(set(json.loads(cost.DEFERRED_LINE)) - added, set(expected))
        self.assertEqual(set(json.loads(cost.STARTED_LINE)) - added, set(expected) - {"error_code", "error_message"})

    def test_the_item_has_the_attributes_that_are_read(self) -> None:
        source = (ROOT / "shared" / "src" / "ledger" / "item.rs").read_text()
        read = set(re.findall(r"(?:text|number|time|seconds|millis)\(\"(\w+)\"\)", source))
        self.assertEqual(set(cost.ITEM), read - {"doubtSince", "errorCode", "errorMessage"})
        self.assertLess(cost.item_size(cost.ITEM), 1024, "a write of it would cost two units")

    def test_the_size_of_an_item_is_that_of_its_names_and_values(self) -> None:
        self.assertEqual(cost.item_size({"token": "abc", "attempts": 0, "expiresAt": 1797863184}), 5 + 3 + 8 + 2 + 9 + 6)

    def test_the_metrics_are_those_that_are_published(self) -> None:
        published = (ROOT / "shared" / "src" / "telemetry.rs").read_text()
        counts = re.findall(r"Self::\w+ => \"(\w+)\"", published)
        self.assertEqual(len({*counts, "CallLatency"}), cost.METRICS)


def narrowest() -> tuple[str, str]:
    name, carries = cost.limits().splitlines()[2].removeprefix("| ").split(" | ")[:2]
    return name, carries


def found(property: str) -> set[int]:
    """Every value that the template gives the property."""
    return {int(value) for value in re.findall(rf"^ +{property}: (\d+)$", TEMPLATE, re.MULTILINE)}


def default(parameter: str) -> int | None:
    value = re.search(rf"^  {parameter}:\n(?:    .*\n)*?    Default: (\d+)$", TEMPLATE, re.MULTILINE)
    return int(value[1]) if value else None


if __name__ == "__main__":
    unittest.main()
