"""Where a secret's ARN says that it is: the region, and the address of Secrets Manager there.

Source: "Amazon Resource Names (ARNs)" in the AWS IAM User Guide; the tests compare the suffixes with botocore's.
"""

from __future__ import annotations

from typing import Final

_DNS_SUFFIXES: Final = {
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}
"""Domains of the partitions that don't use amazonaws.com (botocore's partitions.json)."""


def region_of(secret_id: str, otherwise: str) -> str:
    """Returns the region that an ARN names, `otherwise` for a bare name: that is in the function's own region."""
    parts = secret_id.split(":")
    return parts[3] if len(parts) > 6 and parts[0] == "arn" and parts[3] else otherwise


def endpoint_of(secret_id: str, region: str) -> str:
    """Returns Secrets Manager's URL in `region`, in the partition that an ARN names, else in AWS's main one."""
    partition = secret_id.split(":")[1] if secret_id.startswith("arn:") else ""
    return f"https://secretsmanager.{region}.{_DNS_SUFFIXES.get(partition, 'amazonaws.com')}"
