"""A change to template.yaml for each rule of alarms, which breaks it, and whose culprit the rule has to name."""

from __future__ import annotations

from tests.contract.rules.breaks import Break, of, setting

OWN_500S = "Metrics/2/MetricStat/Metric/Dimensions/0/Value"

ALARM_BREAKS: list[tuple[str, str, Break]] = [
    ("every_alarm_is_there", "MirrorQueueAgeAlarm", setting("Resources/MirrorQueueAgeAlarm", None)),
    ("every_alarm_tells_somebody_what_to_read", "CreditsBreachedAlarm", of("CreditsBreachedAlarm", "AlarmActions", [])),
    (
        "every_alarm_tells_somebody_what_to_read",
        "CreditsBreachedAlarm",
        of("CreditsBreachedAlarm", "AlarmDescription", "something"),
    ),
    (
        "silence_is_bad_where_something_should_be_heard",
        "ReconcileSilentAlarm",
        of("ReconcileSilentAlarm", "TreatMissingData", "ignore"),
    ),
    (
        "errors_are_those_of_the_alias",
        "AccountFunction",
        of("AccountErrorsAlarm", "Metrics/1/MetricStat/Metric/Dimensions/1", None),
    ),
    (
        "video_is_too_old_only_beyond_every_deadline",
        "OldestOpenVideoAlarm",
        of("OldestOpenVideoAlarm", "Threshold", 3600),
    ),
    ("video_is_too_old_only_beyond_every_deadline", "Deadlines", setting("Mappings/Deadlines/120/Submit", 7200)),
    ("metrics_are_of_this_stage", "Clipferry", of("CreditsBreachedAlarm", "Namespace", "Clipferry")),
    (
        "own_metrics_are_those_that_the_code_counts",
        "CreditBreaches",
        of("CreditsBreachedAlarm", "MetricName", "CreditBreaches"),
    ),
    (
        "own_metrics_are_those_that_the_code_counts",
        "BucketErrorsAlarm",
        of("BucketErrorsAlarm", "Metrics/1/MetricStat/Metric/Dimensions/0/Name", "code"),
    ),
    (
        "own_metrics_are_those_that_the_code_counts",
        "ProviderErrorsAlarm",
        of(
            "ProviderErrorsAlarm",
            "Metrics/0/Expression",
            {"Fn::Sub": 'SELECT AVG(ProviderErrors) FROM SCHEMA("Clipferry/${Stage}", model)'},
        ),
    ),
    (
        "own_metrics_are_those_that_the_code_counts",
        "ApiServerErrors",
        of("ApiServerErrorsMetric", "MetricTransformations/0/MetricName", "ServerErrors"),
    ),
    (
        "every_reason_is_in_an_alarm",
        "SOURCE_GONE",
        of("SourceErrorsAlarm", "Metrics/4/MetricStat/Metric/Dimensions/0/Value", "SOURCE_ERROR"),
    ),
    ("every_reason_is_in_an_alarm", "PROVIDER_OUT_OF_FUNDS", of("VideosFailedAlarm", "Metrics/4", None)),
    (
        "canary_of_the_api_sees_its_functions_own_500s",
        "AccountFunction",
        of("AccountErrorsAlarm", OWN_500S, {"Ref": "CreateVideoFunction"}),
    ),
    (
        "canary_of_the_api_sees_its_functions_own_500s",
        "CreateVideoFunction",
        of("CreateVideoFunction", "DeploymentPreference", {"Alarms": [{"Ref": "ApiServerErrorsAlarm"}]}),
    ),
    ("cloudwatch_takes_every_alarm", "ProviderErrorsAlarm", of("ProviderErrorsAlarm", "EvaluationPeriods", 37)),
    ("cloudwatch_takes_every_alarm", "VideosFailedAlarm", of("VideosFailedAlarm", "EvaluationPeriods", 49)),
    ("cloudwatch_takes_every_alarm", "BucketErrorsAlarm", of("BucketErrorsAlarm", "Metrics/1/MetricStat/Period", 60)),
    ("cloudwatch_takes_every_alarm", "FILL", of("BucketErrorsAlarm", "Metrics/0/Expression", "FILL(refused, 0)")),
    ("cloudwatch_takes_every_alarm", "stored", of("BucketErrorsAlarm", "Metrics/0/Expression", "refused / stored")),
    ("cloudwatch_takes_every_alarm", "BucketErrorsAlarm", of("BucketErrorsAlarm", "Metrics/1/ReturnData", True)),
    ("cloudwatch_takes_every_alarm", "BucketErrorsAlarm", of("BucketErrorsAlarm", "DatapointsToAlarm", 4)),
]
"""The rule, the culprit, the change."""
