"""A deployed stack: its resources and its functions' settings, found through CloudFormation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from clipferry.errors import ClipferryError


class StackError(ClipferryError):
    """AWS could not be asked about the stack."""

    code = "STACK_UNAVAILABLE"


class DeployedStack:
    """A stack of CloudFormation. Every method raises StackError with AWS's message."""

    def __init__(self, name: str) -> None:
        from boto3.session import Session

        self.name = name
        with translate_aws_errors("credentials"):
            # AWS_PROFILE takes precedence over keys that an earlier `clipferry env` may have left in the shell.
            profile, region = (os.environ.get(name) or None for name in ("AWS_PROFILE", "AWS_REGION"))
            self._session = Session(profile_name=profile, region_name=region)

    @property
    def region(self) -> str:
        return self._session.region_name or "us-east-1"

    def client(self, service: str) -> Any:
        with translate_aws_errors(service):
            return self._session.client(service, region_name=self.region)

    def credentials(self) -> Mapping[str, str]:
        """The operator's AWS credentials, by the names of their environment variables."""
        with translate_aws_errors("credentials"):
            found = self._session.get_credentials()
            if found is None:
                raise StackError("there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret")
            frozen = found.get_frozen_credentials()
        return {
            "AWS_ACCESS_KEY_ID": frozen.access_key or "",
            "AWS_SECRET_ACCESS_KEY": frozen.secret_key or "",
            "AWS_SESSION_TOKEN": frozen.token or "",
        }

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """The physical id of each resource, by its name in the template."""
        with translate_aws_errors(f"the stack {self.name}"):
            pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
            return {
                resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
                for page in pages
                for resource in page["StackResourceSummaries"]
            }

    def resource(self, name: str) -> str:
        """The physical id of the resource that the template calls `name`."""
        if not self.resources.get(name):
            raise StackError(f"the stack {self.name} has no {name}")
        return self.resources[name]

    def environment(self, function: str) -> Mapping[str, str]:
        """A function's environment variables."""
        with translate_aws_errors(function):
            found = self.client("lambda").get_function_configuration(FunctionName=self.resource(function))
        return found.get("Environment", {}).get("Variables", {})


@contextmanager
def translate_aws_errors(what: str, ours: type[ClipferryError] = StackError) -> Iterator[None]:
    """Raises one of `ours` for the errors of boto3."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ours(f"{what}: {error}") from error
