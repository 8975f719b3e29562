"""A change to template.yaml for each rule, which breaks it, and whose culprit the rule has to name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Break = Callable[[Document], None]


def setting(path: str, value: Any) -> Break:
    """Replaces what is at the path, whose steps have slashes between them; None removes it."""

    def change(document: Document) -> None:
        *steps, last = path.split("/")
        node: Any = document
        for step in steps:
            node = node[int(step) if isinstance(node, list) else step]
        place: Any = int(last) if isinstance(node, list) else last
        if value is None:
            del node[place]
        else:
            node[place] = value

    return change


def of(name: str, path: str, value: Any) -> Break:
    """The same for a property of the resource `name`."""
    return setting(f"Resources/{name}/Properties/{path}", value)


def variable(name: str, value: Any) -> Break:
    return setting(f"Globals/Function/Environment/Variables/{name}", value)


def statement(role: str, added: Document) -> Break:
    def change(document: Document) -> None:
        policy = document["Resources"][role]["Properties"]
        policy = policy["Policies"][0]["PolicyDocument"] if "Policies" in policy else policy["PolicyDocument"]
        policy["Statement"].append({"Effect": "Allow", **added})

    return change


def without_alarm(name: str) -> Break:
    def change(document: Document) -> None:
        text = json.dumps(document["Resources"]["Dashboard"])
        document["Resources"]["Dashboard"] = json.loads(text.replace(f"${{{name}.Arn}}", "nothing"))

    return change


QUEUE, DEAD, SOURCE = "MirrorQueue", "MirrorDeadLetters", "MirrorVideoFunction"
SCALING = "Events/Queue/Properties"
TLS = "PolicyDocument/Statement/0/Condition/Bool/aws:SecureTransport"
EVERYTHING = {"Action": "s3:GetObject", "Resource": "*"}
PLAIN = "{{resolve:secretsmanager:clipferry:SecretString:DATABASE_URL}}"

BREAKS: list[tuple[str, str, Break]] = [
    (
        "message_stays_hidden_for_six_timeouts",
        "MirrorQueue",
        setting("Mappings/MirrorTimes/240/VisibilityTimeout", 1439),
    ),
    ("mirror_ends_within_five_minutes", "301", setting("Parameters/MirrorTimeout/AllowedValues", ["300", "301"])),
    ("message_is_tried_five_times_at_least", "MirrorQueue", of(QUEUE, "RedrivePolicy/maxReceiveCount", 4)),
    ("dead_letters_are_kept_for_14_days", "MirrorDeadLetters", of(DEAD, "MessageRetentionPeriod", 345600)),
    ("every_queue_has_its_dead_letters", "MirrorQueue", of(QUEUE, "RedrivePolicy", None)),
    ("queues_have_names_of_their_own_making", "MirrorDeadLetters", of(DEAD, "QueueName", "dead-letters")),
    ("only_failed_messages_come_back", "MirrorVideo", of(SOURCE, f"{SCALING}/FunctionResponseTypes", None)),
    ("messages_at_a_time_are_bounded", "MirrorVideo", of(SOURCE, f"{SCALING}/ScalingConfig", None)),
    ("queues_are_encrypted", "MirrorDeadLetters", of(DEAD, "SqsManagedSseEnabled", None)),
    ("queues_refuse_what_is_not_tls", "MirrorQueue", of("QueuePolicy", TLS, "true")),
    ("queues_refuse_what_is_not_tls", "MirrorDeadLetters", of("QueuePolicy", "Queues", [{"Ref": QUEUE}])),
    ("resources_of_permissions_are_named", "AccountRole", statement("AccountRole", EVERYTHING)),
    ("actions_of_permissions_are_named", "AccountRole", statement("AccountRole", {"Action": "sqs:*", "Resource": "x"})),
    (
        "every_function_has_a_role_of_its_own",
        "AccountFunction",
        of("AccountFunction", "Role", {"Fn::GetAtt": ["MigrateRole", "Arn"]}),
    ),
    (
        "roles_are_for_lambda_and_hold_no_policy_of_aws",
        "MigrateRole",
        of("MigrateRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
    ),
    (
        "whose_code_sends_to_a_queue_may_do_so_and_nobody_else",
        "AccountRole",
        statement("AccountRole", {"Action": "sqs:SendMessage", "Resource": "x"}),
    ),
    (
        "whose_code_sends_to_a_queue_may_do_so_and_nobody_else",
        "CreateVideoRole",
        of("CreateVideoRole", "Policies/0/PolicyDocument/Statement/1", None),
    ),
    (
        "each_queue_has_the_one_that_takes_its_messages",
        "AccountRole",
        statement("AccountRole", {"Action": "sqs:DeleteMessage", "Resource": "x"}),
    ),
    (
        "secret_is_read_by_its_whole_arn",
        "FunctionPolicy",
        of(
            "FunctionPolicy",
            "PolicyDocument/Statement/0/Resource",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:clipferry/*",
        ),
    ),
    (
        "decrypting_needs_a_key_that_was_given",
        "FunctionPolicy",
        statement("FunctionPolicy", {"Action": "kms:Decrypt", "Resource": "x"}),
    ),
    ("no_secret_is_in_the_template", "DATABASE_URL", variable("DATABASE_URL", PLAIN)),
    ("no_secret_is_in_the_template", "EVOLINK_API_KEY", variable("EVOLINK_API_KEY", "sk-evo-1")),
    ("environment_fits", "AccountFunction", variable("REMOTE_ASSET_ALLOWED_HOSTS", "x" * 3000)),
    (
        "alarms_are_told_over_tls_and_by_this_account_alone",
        "AlarmTopicPolicy",
        of("AlarmTopicPolicy", "PolicyDocument/Statement/0/Condition", None),
    ),
    (
        "there_is_no_vpc_and_no_nat_by_default",
        "AccountFunction",
        setting("Globals/Function/VpcConfig", {"SubnetIds": ["subnet-1"]}),
    ),
    (
        "every_function_has_a_version_and_an_alias",
        "AccountFunction",
        setting("Globals/Function/AutoPublishAlias", "current"),
    ),
    ("everything_calls_the_alias", "Api", setting("Globals/Function/AutoPublishAlias", "current")),
    ("new_deployment_publishes_a_version", "AccountFunction", variable("DEPLOY_ID", None)),
    ("new_code_waits_for_the_migration", "AccountFunction", setting("Resources/AccountFunction/DependsOn", None)),
    ("migration_runs_on_every_deployment", "DeployId", of("Migration", "DeployId", None)),
    ("migration_runs_on_every_deployment", "new code", of("Migration", "Version", None)),
    ("migration_cannot_hang_for_an_hour", "Migration", of("Migration", "ServiceTimeout", None)),
    (
        "migration_is_not_tried_again_behind_an_answer",
        "MigrateFunction",
        of("MigrateFunction", "EventInvokeConfig", None),
    ),
    (
        "migration_does_not_begin_when_cloudformation_has_given_up",
        "MigrateFunction",
        of("MigrateFunction", "EventInvokeConfig/MaximumEventAgeInSeconds", 120),
    ),
    (
        "versions_go_when_the_next_one_is_there",
        "AccountFunction",
        setting("Globals/Function/VersionDeletionPolicy", None),
    ),
    (
        "daily_work_has_its_hour",
        "Housekeep",
        of("HousekeepFunction", "Events/EveryDay/Properties/Schedule", "rate(1 day)"),
    ),
    ("layers_are_named_by_their_stack", "ThumbnailLayer", of("ThumbnailLayer", "LayerName", "thumbnail")),
    (
        "snapstart_is_off_by_default_and_of_versions",
        "ReconcileFunction",
        of("ReconcileFunction", "SnapStart", {"ApplyOn": {"Ref": "SnapStart"}}),
    ),
    (
        "traffic_shifts_by_degrees_and_back",
        "AccountFunction",
        of("AccountFunction", "DeploymentPreference", {"Enabled": False}),
    ),
    (
        "traffic_shifts_by_degrees_and_back",
        "ApiServerErrorsAlarm",
        of("AccountFunction", "DeploymentPreference", {"Alarms": [{"Ref": "HttpFunctionErrorsAlarm"}]}),
    ),
    (
        "repair_can_be_deployed_while_an_alarm_is_on",
        "AccountFunction",
        of("AccountFunction", "DeploymentPreference", {"Alarms": [{"Ref": "HttpFunctionErrorsAlarm"}]}),
    ),
    (
        "snapstart_is_off_by_default_and_of_versions",
        "AccountFunction",
        setting("Parameters/SnapStart/Default", "PublishedVersions"),
    ),
    (
        "concurrency_is_reserved_only_when_asked_for",
        "AccountFunction",
        of("AccountFunction", "ReservedConcurrentExecutions", 10),
    ),
    ("http_functions_give_up_before_api_gateway_does", "AccountFunction", setting("Globals/Function/Timeout", 30)),
    (
        "everything_runs_on_one_python_and_one_architecture",
        "AccountFunction",
        of("AccountFunction", "Runtime", "python3.12"),
    ),
    (
        "layers_are_what_each_function_needs",
        "ReconcileFunction",
        of("ReconcileFunction", "Layers", [{"Ref": "ThumbnailLayer"}]),
    ),
    ("every_function_logs_to_its_own_group", "AccountFunction", of("AccountFunction", "LoggingConfig", None)),
    (
        "function_writes_to_its_own_log_alone",
        "AccountFunction",
        of("AccountRole", "Policies/0/PolicyDocument/Statement/0/Resource", {"Fn::GetAtt": ["MigrateLog", "Arn"]}),
    ),
    ("logs_end_by_their_retention_and_outlive_the_stack", "AccountLog", of("AccountLog", "RetentionInDays", None)),
    ("access_log_shows_no_secret", "context.path", of("Api", "AccessLogSettings/Format", "$context.path")),
    (
        "access_log_is_json_whatever_comes",
        "integrationErrorMessage",
        of(
            "Api", "AccessLogSettings/Format", '{"status":"$context.status","error":"$context.integrationErrorMessage"}'
        ),
    ),
    ("api_is_throttled", "Api", of("Api", "DefaultRouteSettings", None)),
    ("browsers_are_let_in_by_their_origin", "Api", of("Api", "CorsConfiguration/Fn::If/1/AllowOrigins", ["https://*"])),
    ("tracing_is_off_by_default", "AccountFunction", setting("Parameters/Tracing/Default", "Active")),
    ("dashboard_shows_every_alarm_and_can_be_read", "CreditsBreachedAlarm", without_alarm("CreditsBreachedAlarm")),
    ("every_alarm_is_there", "MirrorQueueAgeAlarm", setting("Resources/MirrorQueueAgeAlarm", None)),
    ("every_alarm_tells_somebody_what_to_read", "CreditsBreachedAlarm", of("CreditsBreachedAlarm", "AlarmActions", [])),
    (
        "every_alarm_tells_somebody_what_to_read",
        "CallbackRejectionsAlarm",
        of("CallbackRejectionsAlarm", "AlarmActions", ["AlarmTopic"]),
    ),
    (
        "silence_is_bad_where_something_should_be_heard",
        "ReconcileSilentAlarm",
        of("ReconcileSilentAlarm", "TreatMissingData", "ignore"),
    ),
    (
        "errors_are_those_of_the_alias",
        "ReconcileFunction",
        of("ReconcileErrorsAlarm", "Dimensions/1", None),
    ),
    (
        "video_is_too_old_only_beyond_every_deadline",
        "OldestOpenVideoAlarm",
        of("OldestOpenVideoAlarm", "Threshold", 3600),
    ),
    ("metrics_are_of_this_stack", "Clipferry", of("CreditsBreachedAlarm", "Namespace", "Clipferry")),
    (
        "own_metrics_are_those_that_the_code_counts",
        "CreditBreaches",
        of("CreditsBreachedAlarm", "MetricName", "CreditBreaches"),
    ),
    (
        "own_metrics_are_those_that_the_code_counts",
        "ProviderErrorsAlarm",
        of(
            "ProviderErrorsAlarm",
            "Metrics/0/Expression",
            {"Fn::Sub": 'SELECT AVG(ProviderErrors) FROM SCHEMA("Clipferry/${AWS::StackName}", model)'},
        ),
    ),
    (
        "own_metrics_are_those_that_the_code_counts",
        "ApiServerErrors is counted by a filter without a unit",
        of("ApiServerErrorsMetric", "MetricTransformations/0/Unit", "None"),
    ),
    (
        "every_reason_is_in_an_alarm",
        "STORAGE_UNAVAILABLE",
        of("BucketErrorsAlarm", "Metrics/1/MetricStat/Metric/Dimensions/0/Value", "SOURCE_ERROR"),
    ),
    ("every_reason_is_in_an_alarm", "VideosCompleted", of("VideosFailedAlarm", "MetricName", "VideosCreated")),
    (
        "canary_of_the_api_sees_its_functions_own_500s",
        "AccountFunction",
        of("HttpFunctionErrorsAlarm", "MetricName", "ApiServerErrors"),
    ),
    (
        "canary_of_the_api_sees_its_functions_own_500s",
        "ApiCrashes",
        of("ApiCrashesMetric", "FilterPattern", '{ $.status = "501" }'),
    ),
    (
        "canary_of_the_api_sees_its_functions_own_500s",
        "CreateVideoFunction",
        of("CreateVideoFunction", "DeploymentPreference", {"Alarms": [{"Ref": "ApiServerErrorsAlarm"}]}),
    ),
    ("cloudwatch_takes_every_alarm", "ProviderErrorsAlarm", of("ProviderErrorsAlarm", "EvaluationPeriods", 37)),
    ("cloudwatch_takes_every_alarm", "FILL", of("BucketErrorsAlarm", "Metrics/0/Expression", "FILL(refused, 0)")),
]
"""The rule, the culprit, the change."""
