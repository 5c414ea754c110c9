"""Each check of the template can fail: a fault is put into the real one, and must be reported."""

from __future__ import annotations

import unittest

from check_template import check, schedule_problem
from workspace import ROOT

TEMPLATE = (ROOT / "template.yaml").read_text()

# What is changed, into what, and what must be said about it.
FAULTS = [
    ("AttributeName: expiresAt", "AttributeName: expires", "TimeToLiveSpecification"),
    ("PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false", "PointInTimeRecoveryEnabled False"),
    ("DeletionPolicy: Retain", "DeletionPolicy: Delete", "DeletionPolicy Delete"),
    ("UpdateReplacePolicy: Retain", "UpdateReplacePolicy: Delete", "UpdateReplacePolicy Delete"),
    ("SSEEnabled: true}", "SSEEnabled: false}", "SSEEnabled False"),
    ("DeletionProtectionEnabled: true", "DeletionProtectionEnabled: false", "DeletionProtectionEnabled False"),
    ("SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false", "SqsManagedSseEnabled False"),
    ("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 345600", "MessageRetentionPeriod 345600"),
    ("maxReceiveCount: 200", "maxReceiveCount: 5", "maxReceiveCount 5"),
    ("VisibilityTimeout: 150", "VisibilityTimeout: 149", "at least 150"),
    ("Timeout: 25", "Timeout: 26", "at least 156"),
    ("[ReportBatchItemFailures]", "[]", "FunctionResponseTypes"),
    ("MaximumConcurrency: !Ref", "Nothing: !Ref", "no MaximumConcurrency"),
    ("LEDGER_TABLE: !Ref", "LEDGERTABLE: !Ref", "no environment variable LEDGER_TABLE"),
    ("QUEUE_URL: !Ref", "QUEUE_URI: !Ref", "found environment variable QUEUE_URI"),
    ("LogFormat: JSON", "LogFormat: Text", "LogFormat Text"),
    ("      RetentionInDays: !Ref LogRetentionDays\n", "", "no log group with RetentionInDays"),
    ("      DeadLetterQueue:\n        Type: SQS\n        TargetArn: !GetAtt StartImagePipelineExecutionDeadLetterQueue.Arn\n",
     "", "no queue in DeadLetterConfig"),
    ("            DeadLetterConfig:\n              Arn: !GetAtt StartImagePipelineExecutionDeadLetterQueue.Arn\n",
     "", "no DeadLetterConfig"),
    ("            RetryPolicy: {MaximumEventAgeInSeconds: 86400, MaximumRetryAttempts: 185}\n", "", "no Target.RetryPolicy"),
    ('"scheduledTime":"<aws.scheduler.scheduled-time>",', "", "an Input without"),
    ("Default: cron(0 2 * * ? *)", "Default: rate(5 minute)", "found ScheduleExpression rate(5 minute)"),
    (r"([2-9]|[1-9][0-9]+) (minutes|hours|days)", r"[1-9][0-9]* (minutes?|hours?|days?)", "takes rate(5 minute)"),
    (r"\S+( \S+){5}", r"\S+( \S+){6}", "refuses cron(0 2 ? * MON-FRI *)"),
    ("    MinValue: 29\n", "    MinValue: 1\n", "MinValue 1"),
    ("    Default: 30\n    MinValue: 29", "    Default: 28\n    MinValue: 29", "Default 28"),
    ("                # Pipelines are named by the wishes, not by this stack; the parameter narrows it.\n", "",
     "image-pipeline/* without a reason"),
    ("Resource: !GetAtt Ledger.Arn", 'Resource: "*"', "resource * without a reason"),
    ("- dynamodb:PartiQLSelect", '- dynamodb:*', 'action "dynamodb:*"'),
    ("            Condition:\n              StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}\n", "", "aws:SourceAccount"),
    ("                  Condition:\n                    StringEquals: {iam:PassedToService: imagebuilder.amazonaws.com}\n", "",
     "iam:PassRole to any service"),
    ("Action: appstream:DescribeImageBuilders", "Action: appstream:DescribeFleets", "appstream:DescribeFleets on *"),
    ("                # AWS has no resource-level control for this action.\n", "", "resource * without a reason"),
    ("MaxValue: 168", "MaxValue: 169", "expected at most 168"),
    ("MetricName: OutcomeUnknown", "MetricName: OutcomeUnkown", "MetricName OutcomeUnkown, expected OutcomeUnknown"),
    ("TreatMissingData: breaching", "TreatMissingData: notBreaching", "MissedStartAlarm: found TreatMissingData notBreaching"),
    ("      AlarmActions: !If [AlarmsAreMailed, [!Ref AlarmTopic], !Ref AWS::NoValue]\n", "", "AlarmActions None"),
    ("[!Ref AlarmTopic]", "[]", "AlarmActions {'Fn::If': ['AlarmsAreMailed', []"),
    # What is changed in one block only.
    ("  StartImageBuilderDeniedAlarm:", "  StartImageBuilderRefusedAlarm:", "StartImageBuilderDeniedAlarm: found no such alarm"),
    ('                  "${StartImageBuilderDeniedAlarm.Arn}",\n', "", "StartImageBuilderDeniedAlarm: found no widget"),
    ("    Condition: StartImageBuilderStartsAreWatched\n", "", "StartImageBuilderMissedStartAlarm: found Condition None"),
    ("    - !Condition StartImageBuilderIsScheduled\n", "    - !Condition AlarmsAreMailed\n",
     "found no StartImageBuilderIsScheduled in it"),
    ("  StartStreamingSessionStartsAreWatched: !And\n    - !Condition StartStreamingSessionExists\n",
     "  StartStreamingSessionStartsAreWatched: !And\n", "found no StartStreamingSessionExists in it"),
    ("QUEUE_URL: !Ref StartImageBuilderQueue", "QUEUE_URL: !Ref StartImageBuilderDeadLetterQueue",
     "StartImageBuilderFunction: found another one"),
    ("Resource: !GetAtt StartImageBuilderLogGroup.Arn", "Resource: !GetAtt StartResourceStateUpdateLogGroup.Arn",
     "StartImageBuilderRole: found another one"),
    ("Value: !Ref StartImageBuilderDeadLetterQueue", "Value: !Ref StartImageBuilderQueue",
     "StartImageBuilderDeadLetterQueueUrl: found another one"),
    ("  StartResourceStateUpdateAgeAlarm:", "  StartResourceStateUpdateOldAlarm:", "StartResourceStateUpdateAgeAlarm: found another"),
    ('["Reveille", "CallLatency", "operation", "StartResourceStateUpdate"', '["Reveille", "CallLatency", "operation", "StartImageBuilder"',
     "StartResourceStateUpdate's widgets on the dashboard: found another"),
    ('"type": "alarm", "x": 6,', '"type": "alarm", "x": 7,', "StartResourceStateUpdate's widgets on the dashboard: found another"),
    ("  StartStreamingSessionAgeAlarm:\n    Type: AWS::CloudWatch::Alarm\n    Condition: StartStreamingSessionExists\n",
     "  StartStreamingSessionAgeAlarm:\n    Type: AWS::CloudWatch::Alarm\n", "StartStreamingSessionAgeAlarm: found Condition None"),
]


class TestTemplate(unittest.TestCase):
    def test_the_template_has_no_findings(self) -> None:
        self.assertEqual(check(TEMPLATE), [])

    def test_each_fault_is_reported(self) -> None:
        for old, new, expected in FAULTS:
            with self.subTest(fault=new or f"without {old.strip()}"):
                self.assertIn(old, TEMPLATE)
                found = check(TEMPLATE.replace(old, new))
                self.assertTrue(any(expected in sentence for sentence in found), found)


class TestScheduleExpressions(unittest.TestCase):
    def test_what_scheduler_takes_is_taken(self) -> None:
        for expression in (
            "rate(1 minute)", "rate(5 minutes)", "rate(12 hours)", "rate(1 day)", "cron(0 2 * * ? *)",
            "cron(15 10 ? * 6L 2027-2030)", "cron(0/5 8-17 ? * MON-FRI *)", "cron(0 18 L * ? *)",
            "cron(0 9 ? * 2#1 *)", "cron(30 4 1,15 JAN-MAR ? *)", "at(2026-11-20T01:00:00)",
        ):
            with self.subTest(expression):
                self.assertEqual(schedule_problem(expression), "")

    def test_what_scheduler_refuses_is_refused(self) -> None:
        for expression, expected in (
            ("rate(5 minute)", "plural"), ("rate(1 hours)", "singular"), ("rate(0 hours)", "NUMBER"),
            ("rate(2 weeks)", "NUMBER"), ("cron(0 2 * * ?)", "six fields"), ("cron(0 2 * * * *)", "?"),
            ("cron(0 2 ? * ? *)", "?"), ("cron(60 2 * * ? *)", "0 to 59"), ("cron(0 2 32 * ? *)", "1 to 31"),
            ("cron(0 2 ? * FUNDAY *)", "days of the week"), ("at(2026-11-20 01:00)", "at("),
            ("at(2026-11-20T01:00:00Z)", "at("), ("every night", "rate("), ("0 2 * * ? *", "rate("),
        ):
            with self.subTest(expression):
                self.assertIn(expected, schedule_problem(expression))


if __name__ == "__main__":
    unittest.main()
