"""List prices in US dollars: AWS in us-east-1 and Cloudflare R2, as they were published on 2026-11-22.

No free tier, discount or tax is counted: a small stack pays less. Only the first tier of a volume price is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DATE: Final = "2026-11-22"
REGION: Final = "us-east-1"
HOURS: Final = 730
"""Hours of a month, as AWS counts them."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one `unit` in dollars; `source` is the page that has it."""

    dollars: float
    unit: str
    source: str


_LAMBDA: Final = "aws.amazon.com/lambda/pricing"
_CLOUDWATCH: Final = "aws.amazon.com/cloudwatch/pricing"
_R2: Final = "developers.cloudflare.com/r2/pricing"

BYTES_OUT: Final = Price(0.09, "GB to the internet, the first 10 TB", "aws.amazon.com/ec2/pricing/on-demand")
LAMBDA_X86: Final = Price(0.0000166667, "GB-second", _LAMBDA)
LAMBDA_ARM: Final = Price(0.0000133334, "GB-second", _LAMBDA)
SNAPSHOT_KEPT: Final = Price(0.0000015046, "GB of memory of a version with SnapStart, and second", _LAMBDA)
SNAPSHOT_RESTORED: Final = Price(0.0001397998, "GB of memory, a start from a snapshot", _LAMBDA)
INVOCATION: Final = Price(0.20e-6, "invocation", _LAMBDA)
API_REQUEST: Final = Price(1.00e-6, "request of an HTTP API", "aws.amazon.com/api-gateway/pricing")
SQS_REQUEST: Final = Price(0.40e-6, "request", "aws.amazon.com/sqs/pricing")
SECRET: Final = Price(0.40, "secret and month", "aws.amazon.com/secrets-manager/pricing")
SECRET_READ: Final = Price(0.05 / 10_000, "GetSecretValue", "aws.amazon.com/secrets-manager/pricing")
LOG_GB: Final = Price(0.50, "GB written", _CLOUDWATCH)
METRIC: Final = Price(0.30, "metric and month", _CLOUDWATCH)
ALARM: Final = Price(0.10, "series that an alarm reads and month", _CLOUDWATCH)
DASHBOARD: Final = Price(3.00, "dashboard and month", _CLOUDWATCH)
NAT_HOUR: Final = Price(0.045, "NAT gateway and hour", "aws.amazon.com/vpc/pricing")
NAT_GB: Final = Price(0.045, "GB through it, in or out", "aws.amazon.com/vpc/pricing")
R2_STORED: Final = Price(0.015, "GB and month", _R2)
R2_WRITE: Final = Price(4.50e-6, "class A operation", _R2)
R2_READ: Final = Price(0.36e-6, "class B operation", _R2)
POSTGRES_HOUR: Final = Price(0.016, "hour of a db.t4g.micro", "aws.amazon.com/rds/postgresql/pricing")
POSTGRES_GB: Final = Price(0.115, "GB of gp3 and month", "aws.amazon.com/rds/postgresql/pricing")
