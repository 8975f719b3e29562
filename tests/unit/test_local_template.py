"""What the local stack reads from a template."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.lambda_runtime.routes import find
from local.sam_template.intrinsics import Intrinsics, UnresolvedError, parse
from local.sam_template.read import TemplateError, read_template
from local.sam_template.resources import Cors, QueueSource, Schedule, Template

HEAD = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  Domain: {Type: String}
  Origins: {Type: CommaDelimitedList, Default: "https://a.example,https://b.example"}
  Empty: {Type: String, Default: ""}
Mappings:
  Sizes: {dev: {Memory: 256}, prod: {Memory: 1024}}
Conditions:
  IsProduction: !Equals [!Ref Stage, prod]
  HasEmpty: !Not [!Equals [!Ref Empty, ""]]
  Neither: !Or [!Condition IsProduction, !Condition HasEmpty]
Globals:
  Function:
    Handler: app.lambda_handler
    Timeout: 29
    Environment:
      Variables:
        STAGE: !Ref Stage
"""


def read(tmp_path: Path, resources: str, **options: dict[str, str]) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(f"{HEAD}\nResources:\n{resources}")
    return read_template(path, **options)  # pyright: ignore[reportArgumentType]


def function(events: str = "", variables: str = "", name: str = "ListFunction", more: str = "") -> str:
    return f"""
  {name}:
    Type: AWS::Serverless::Function
    {more}
    Properties:
      CodeUri: functions/list_videos/
      Environment: {{Variables: {{{variables}}}}}
      Events: {{{events}}}
"""


ROUTE = "Get: {Type: HttpApi, Properties: {Method: get, Path: /videos}}"


def value(node: str, **parameters: str) -> object:
    document = parse(f"{HEAD}\nNode: {node}")

    def attribute(resource: str, name: str) -> str:
        return f"{resource}/{name}"

    return Intrinsics(document=document, parameters=parameters, attribute=attribute).resolve(document["Node"])


def test_a_function_is_read_with_its_handler_and_its_routes(tmp_path: Path) -> None:
    found = read(tmp_path, function(f"{ROUTE}, All: {{Type: HttpApi}}")).function("ListFunction")

    assert (found.module, found.attribute) == ("functions.list_videos.app", "lambda_handler")
    assert found.timeout_seconds == 29
    assert [route.key for route in found.routes] == ["GET /videos", "$default"]
    assert found.environment == {"STAGE": "dev"}


def test_a_queue_source_knows_its_queue_by_its_logical_id(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        function(
            "Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 3,"
            " FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: {MaximumConcurrency: 7}}}"
        )
        + """
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 120
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 4}
  Dead: {Type: AWS::SQS::Queue}
""",
    )

    source = QueueSource(queue="Jobs", batch_size=3, reports_batch_failures=True, maximum_concurrency=7)
    assert found.function("ListFunction").queues == (source,)
    jobs, dead = found.queues
    assert (jobs.visibility_seconds, jobs.dead_letters, jobs.max_receive_count) == (120, "Dead", 4)
    assert (dead.name, dead.visibility_seconds, dead.dead_letters) == ("Dead", 30, None)


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(1 day)", 86400), ("cron(0 2 * * ? *)", 86400)],
)
def test_a_rate_is_seconds_and_a_cron_expression_is_taken_for_a_daily_one(
    tmp_path: Path, expression: str, seconds: int
) -> None:
    found = read(tmp_path, function(f'Tick: {{Type: Schedule, Properties: {{Schedule: "{expression}"}}}}'))

    assert found.functions[0].schedules == (Schedule(expression=expression, seconds=seconds),)


def test_a_disabled_event_and_a_function_whose_condition_is_false_are_left_out(tmp_path: Path) -> None:
    disabled = "Tick: {Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: !If [HasEmpty, true, false]}}"
    found = read(tmp_path, function(disabled) + function(ROUTE, name="Production", more="Condition: IsProduction"))

    assert [one.name for one in found.functions] == ["ListFunction"]
    assert found.functions[0].schedules == ()


def test_what_the_local_stack_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"ListFunction\.Upload: .* S3"):
        read(tmp_path, function("Upload: {Type: S3, Properties: {Bucket: b}}"))
    with pytest.raises(TemplateError, match=r"/videos/\{rest\+\}"):
        read(tmp_path, function('Rest: {Type: HttpApi, Properties: {Method: get, Path: "/videos/{rest+}"}}'))


def test_a_variable_that_only_a_deployment_knows_is_listed_with_the_reason(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        function(
            ROUTE,
            "DOMAIN: !Ref Domain, QUEUE: !Ref Jobs, API: !Sub 'https://${Api}.example',"
            " KEY: '{{resolve:secretsmanager:s:SecretString:KEY}}', VPC: !ImportValue Vpc",
        ),
    )

    assert found.environment == {"STAGE": "dev"}
    assert found.unresolved == {
        "DOMAIN": "parameter Domain, which has no default",
        "QUEUE": "!Ref Jobs",
        "API": "!Ref Api",
        "KEY": "{{resolve:secretsmanager:s:SecretString:KEY}}",
        "VPC": 'Fn::ImportValue "Vpc"',
    }


def test_a_parameter_and_a_resource_that_exists_resolve_a_variable(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        function(ROUTE, "DOMAIN: !Ref Domain, QUEUE: !Ref Jobs, ARN: !GetAtt Jobs.Arn, KIND: !If [IsProduction, a, b]"),
        parameters={"Domain": "https://cdn.example", "Stage": "prod"},
        attributes={"Jobs": {"Ref": "http://127.0.0.1/jobs", "Arn": "arn:jobs"}},  # pyright: ignore[reportArgumentType]
    )
    values = {"DOMAIN": "https://cdn.example", "QUEUE": "http://127.0.0.1/jobs", "ARN": "arn:jobs", "KIND": "a"}

    assert (found.environment, found.unresolved) == ({"STAGE": "prod", **values}, {})


def test_two_values_for_one_variable_are_an_error_that_names_both_functions(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="SIZE differs between One and Two"):
        read(tmp_path, function(ROUTE, "SIZE: 1", name="One") + function(ROUTE, "SIZE: 2", name="Two"))

    idle = read(tmp_path, function(ROUTE, "SIZE: 1", name="One") + function("", "SIZE: 2", name="Nothing"))
    assert idle.environment == {"STAGE": "dev", "SIZE": "1"}


def test_the_apis_cors_configuration_is_read(tmp_path: Path) -> None:
    api = """
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration:
        AllowOrigins: !Split [",", "https://a.example,https://b.example"]
        AllowMethods: [GET]
        AllowHeaders: [content-type]
        MaxAge: 600
"""

    assert read(tmp_path, api).cors == Cors(
        origins=("https://a.example", "https://b.example"),
        methods=("GET",),
        headers=("content-type",),
        max_age_seconds=600,
    )


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref Jobs", "Jobs/Ref"),
        ("!GetAtt Jobs.Arn", "Jobs/Arn"),
        ("{'Fn::GetAtt': [Jobs, Arn]}", "Jobs/Arn"),
        ("!Sub '${Stage}-${AWS::AccountId}-${Jobs.Arn}-${!Literal}'", "dev-123456789012-Jobs/Arn-${Literal}"),
        ("!Sub ['${name}/${Stage}', {name: !Ref Jobs}]", "Jobs/Ref/dev"),
        ("!If [IsProduction, a, b]", "b"),
        ("!If [IsProduction, !ImportValue Never, !If [HasEmpty, b, c]]", "c"),
        ("!Split ['.', 'a.b.c']", ["a", "b", "c"]),
        ("!FindInMap [Sizes, !Ref Stage, Memory]", 256),
        ("{A: !Ref AWS::NoValue, B: [1, !Ref AWS::NoValue, true]}", {"B": [1, True]}),
    ],
)
def test_an_intrinsic_function_has_its_value(node: str, expected: object) -> None:
    assert value(node) == expected


@pytest.mark.parametrize(
    ("node", "named"),
    [("!GetAZs us-east-1", "GetAZs"), ("!Ref Origins", "CommaDelimitedList"), ("!If [Neither, a, b]", "Fn::Or")],
)
def test_what_needs_a_deployment_or_is_not_in_our_template_is_named(node: str, named: str) -> None:
    with pytest.raises(UnresolvedError, match=named):
        value(node)


def test_clipferrys_own_template_can_be_run_locally() -> None:
    found = read_template()

    assert find(found.routes, "POST", "/api/v1/video/generate") is not None
    assert any(one.queues for one in found.functions)
    assert any(one.schedules for one in found.functions)
