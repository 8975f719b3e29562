"""The transformed template, deployed: what moto's CloudFormation makes of it is what is meant.

moto leaves out what it doesn't know and says CREATE_COMPLETE all the same. The last test lists that; for those types
the rules on the transformed template (test_template_rules.py) are all there is.
"""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.sam_template.intrinsics import Intrinsics, parse
from tests.contract.rules.deployed import REQUIRED

ROOT = Path(__file__).parents[2]
TRANSFORM = (str(ROOT / ".tools/sam/bin/python"), str(ROOT / "tools/transform_template.py"))
STACK = "clipferry-dev"
NO_VALUE = {"Ref": "AWS::NoValue"}

LEFT_OUT = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Logs::MetricFilter",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
NOT_GIVEN = {"AWS::CloudWatch::Dashboard"}
"""What we don't give it, because it asks for attributes of what is left out."""


@dataclass(frozen=True)
class Stack:
    """What was asked for, what came of it, and the clients to look at it."""

    template: dict[str, Any]
    status: str
    left_out: set[str]
    physical: dict[str, str]

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name="us-east-1")

    def queue(self, name: str) -> dict[str, str]:
        return self.client("sqs").get_queue_attributes(QueueUrl=self.physical[name], AttributeNames=["All"])[
            "Attributes"
        ]

    def function(self, name: str) -> dict[str, Any]:
        return self.client("lambda").get_function_configuration(FunctionName=self.physical[name])

    def role(self, name: str) -> dict[str, Any]:
        return self.client("iam").get_role(RoleName=self.physical[name])["Role"]

    def own_statements(self, role: str) -> list[dict[str, Any]]:
        found = self.client("iam").get_role_policy(RoleName=self.physical[role], PolicyName="own")["PolicyDocument"]
        return ast.literal_eval(found)["Statement"]  # moto keeps it as Python writes it

    @property
    def functions(self) -> list[str]:
        return [name for name, r in self.template["Resources"].items() if r["Type"] == "AWS::Lambda::Function"]


def decided(node: Any, values: Intrinsics) -> Any:
    """`node` with every condition decided, which moto gets wrong where the answer is "no value"."""
    if isinstance(node, list):
        return [kept for item in node if (kept := decided(item, values)) != NO_VALUE]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Fn::If"}:
        condition, when_true, when_false = node["Fn::If"]
        return decided(when_true if values.holds(condition) else when_false, values)
    if isinstance(node.get("Fn::GetAtt"), str):  # the short form in YAML; in JSON it is a list
        return {"Fn::GetAtt": node["Fn::GetAtt"].split(".", 1)}
    return {key: kept for key, value in node.items() if (kept := decided(value, values)) != NO_VALUE}


def for_moto(raw: dict[str, Any]) -> dict[str, Any]:
    """Without what stands in moto's way: conditions, rules, outputs; and an alias is its function."""
    values = Intrinsics(document=raw, parameters=REQUIRED, attribute=lambda name, _: name)
    resources = {
        name: {key: value for key, value in resource.items() if key != "Condition"}
        for name, resource in raw["Resources"].items()
        if resource["Type"] not in NOT_GIVEN and ("Condition" not in resource or values.holds(resource["Condition"]))
    }
    text = json.dumps(decided(resources, values))
    text = re.sub(r'\{"Ref": "(\w+)Aliaslive"\}', r'{"Fn::GetAtt": ["\1", "Arn"]}', text)
    return {"Parameters": raw["Parameters"], "Mappings": raw["Mappings"], "Resources": json.loads(text)}


def upload_code(resources: dict[str, Any]) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", "")
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="bucket")
    for resource in resources.values():
        code = resource["Properties"].get("Code") or resource["Properties"].get("Content")
        if isinstance(code, dict) and "S3Key" in code:
            s3.put_object(Bucket=code["S3Bucket"], Key=code["S3Key"], Body=archive.getvalue())


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    document = parse((ROOT / "template.yaml").read_text())
    wanted = json.dumps([{"template": document, "parameters": REQUIRED}])
    done = subprocess.run(TRANSFORM, input=wanted, capture_output=True, text=True, check=True)
    template = for_moto(json.loads(done.stdout)[0])
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in REQUIRED.items()]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        with mock_aws(config={"lambda": {"use_docker": False}}), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            upload_code(template["Resources"])
            formation = boto3.client("cloudformation", region_name="us-east-1")
            formation.create_stack(StackName=STACK, TemplateBody=json.dumps(template), Parameters=given)
            [made] = formation.describe_stacks(StackName=STACK)["Stacks"]
            found = formation.describe_stack_resources(StackName=STACK)["StackResources"]
            unsupported = (re.search(r"Tried to parse (\S+) but", str(one.message)) for one in warned)
            yield Stack(
                template=template,
                status=made["StackStatus"],
                left_out={match[1] for match in unsupported if match},
                physical={
                    one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if "PhysicalResourceId" in one
                },
            )


def test_stack_is_complete(stack: Stack) -> None:
    assert stack.status == "CREATE_COMPLETE"


def test_queue_waits_for_half_an_hour_and_gives_up_after_five(stack: Stack) -> None:
    queue, dead = stack.queue("MirrorQueue"), stack.queue("MirrorDeadLetters")

    assert queue["QueueArn"].endswith(f":{STACK}-mirror")
    assert queue["VisibilityTimeout"] == "1800"
    assert json.loads(queue["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 5}
    assert dead["MessageRetentionPeriod"] == "1209600"
    assert queue["SqsManagedSseEnabled"] == dead["SqsManagedSseEnabled"] == "true"


def test_mirror_is_fed_by_the_queue_message_by_message(stack: Stack) -> None:
    [mapping] = stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]

    assert mapping["EventSourceArn"] == stack.queue("MirrorQueue")["QueueArn"]
    assert mapping["FunctionArn"] == stack.function("MirrorVideoFunction")["FunctionArn"]
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_functions_have_their_sizes_and_find_their_queue_and_their_secret(stack: Stack) -> None:
    assert len(stack.functions) == 8
    for name in stack.functions:
        function = stack.function(name)
        variables = function["Environment"]["Variables"]
        assert variables["SECRETS_ARN"] == REQUIRED["SecretsArn"]
        assert variables["MIRROR_QUEUE_URL"] == stack.physical["MirrorQueue"]
        assert [int(variables[f"{name}_DEADLINE_SECONDS"]) for name in ("GENERATION", "SUBMIT")] == [3600, 3900]
        assert function["Runtime"] == "python3.13"
    sizes = {name: (stack.function(name)["MemorySize"], stack.function(name)["Timeout"]) for name in stack.functions}
    assert sizes["CreateVideoFunction"] == (512, 29)
    assert sizes["MirrorVideoFunction"] == (1024, 300)
    assert sizes["ReconcileFunction"] == (512, 55)


def test_every_function_has_its_role_and_its_role_its_log(stack: Stack) -> None:
    for name in stack.functions:
        role = name.replace("Function", "Role")
        assert stack.function(name)["Role"] == stack.role(role)["Arn"]
        group = stack.physical[name.replace("Function", "Log")]
        assert group in stack.own_statements(role)[0]["Resource"]


def test_senders_may_send_to_this_queue(stack: Stack) -> None:
    sending = stack.own_statements("CreateVideoRole")[1]

    assert (sending["Action"], sending["Resource"]) == ("sqs:SendMessage", stack.queue("MirrorQueue")["QueueArn"])


def test_what_every_function_may_do_is_to_read_one_secret(stack: Stack) -> None:
    iam = stack.client("iam")
    arn = stack.physical["FunctionPolicy"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    [statement] = document["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("secretsmanager:GetSecretValue", REQUIRED["SecretsArn"])


def test_schedules_run_their_functions(stack: Stack) -> None:
    events = stack.client("events")
    rules = {rule["ScheduleExpression"]: rule["Name"] for rule in events.list_rules()["Rules"]}

    called = {rate: events.list_targets_by_rule(Rule=name)["Targets"][0]["Arn"] for rate, name in rules.items()}
    assert called == {
        "rate(1 minute)": stack.function("ReconcileFunction")["FunctionArn"],
        "rate(1 day)": stack.function("HousekeepFunction")["FunctionArn"],
    }


def test_logs_are_kept_for_thirty_days(stack: Stack) -> None:
    groups = stack.client("logs").describe_log_groups()["logGroups"]

    assert len(groups) == len(stack.functions) + 1
    assert {group["retentionInDays"] for group in groups} == {30}


def test_every_type_that_moto_leaves_out_is_known(stack: Stack) -> None:
    assert stack.left_out == LEFT_OUT
    made = {r["Type"] for r in stack.template["Resources"].values()} - LEFT_OUT
    assert made == {
        "AWS::Events::Rule",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    }
