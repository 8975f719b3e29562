"""The transformed template as the rules read it: raw, resolved for an owner who gave little, for one who gave all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local.sam_template.intrinsics import Intrinsics

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:clipferry/prod-AbCdEf"

REQUIRED = {
    "SecretsArn": SECRET,
    "StorageEndpoint": "https://0123456789abcdef.r2.cloudflarestorage.com",
    "StorageBucket": "videos",
    "StorageDomain": "https://cdn.example.com",
}
"""The parameters that have no default: only the owner knows these."""

EVERYTHING = REQUIRED | {
    "Stage": "prod",
    "DeployId": "20261122T170500Z",
    "SnapStart": "PublishedVersions",
    "Tracing": "Active",
    "ReserveConcurrency": "true",
    "AlarmEmail": "ops@example.com",
    "SecretsKmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
    "DomainName": "api.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "AllowedOrigins": "https://app.example.com,https://www.example.com",
    "SubnetIds": "subnet-0a,subnet-0b",
    "SecurityGroupIds": "sg-0a",
    "Ipv6Egress": "true",
    "AiCallbackUrl": "https://api.example.com/api/v1/video/callback",
    "WebhookUrl": "https://app.example.com/webhooks",
    "WebhookCreditsLow": "100",
    "ModelsLayerArn": "arn:aws:lambda:us-east-1:123456789012:layer:models:1",
}
"""Every option taken."""

Resources = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Deployed:
    """`raw` is what the transform gives for EVERYTHING: some parameters' values are in place, behind conditions.

    In `bare` and `full` every intrinsic function has its value: `!Ref X` is "X", `!GetAtt X.Arn` is "X.Arn", and a
    resource whose condition is false is not there.
    """

    raw: dict[str, Any]

    @cached_property
    def bare(self) -> Resources:
        return resolved(self.raw, REQUIRED)

    @cached_property
    def full(self) -> Resources:
        return resolved(self.raw, EVERYTHING)


def resolved(raw: dict[str, Any], parameters: dict[str, str]) -> Resources:
    """Every resource that `parameters` make, without an intrinsic function in it."""
    values = Intrinsics(
        document=raw, parameters=parameters, attribute=lambda name, part: name if part == "Ref" else f"{name}.{part}"
    )
    made = {n: r for n, r in raw["Resources"].items() if "Condition" not in r or values.holds(r["Condition"])}
    return {name: {"Properties": {}} | values.resolve(resource) for name, resource in made.items()}


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and properties of each resource of the type."""
    for name, resource in resources.items():
        if resource["Type"] == kind:
            yield name, resource["Properties"]


def functions(resources: Resources) -> dict[str, dict[str, Any]]:
    return dict(of_type(resources, "AWS::Lambda::Function"))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement that gives a function a permission, with the role or policy that it is in."""
    for name, policy in of_type(resources, "AWS::IAM::ManagedPolicy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement
    for name, role in of_type(resources, "AWS::IAM::Role"):
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
