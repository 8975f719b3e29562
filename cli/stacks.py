"""A deployed stack, as CloudFormation knows it: which function or log group goes by which of the template's names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Annotated, Any

import typer

from clipferry.errors import ClipferryError

Stack = Annotated[str, typer.Option("--stack", envvar="CLIPFERRY_STACK", help="The stack's name.")]


class StackError(ClipferryError):
    """AWS did not tell about the stack."""

    code = "STACK_UNAVAILABLE"


class DeployedStack:
    """Everything raises StackError, which says what AWS said."""

    def __init__(self, name: str) -> None:
        from boto3.session import Session

        self.name = name
        with translated("credentials"):
            # A profile that was named goes before keys that are left of another one.
            profile, region = (os.environ.get(name) or None for name in ("AWS_PROFILE", "AWS_REGION"))
            self._session = Session(profile_name=profile, region_name=region)

    @property
    def region(self) -> str:
        return self._session.region_name or "us-east-1"

    def client(self, service: str) -> Any:
        with translated(service):
            return self._session.client(service, region_name=self.region)

    def credentials(self) -> Mapping[str, str]:
        """What the operator signed in with, by the names of the environment's variables."""
        with translated("credentials"):
            found = self._session.get_credentials()
            if found is None:
                raise StackError("nobody is signed in to AWS: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its like")
            frozen = found.get_frozen_credentials()
        return {
            "AWS_ACCESS_KEY_ID": frozen.access_key or "",
            "AWS_SECRET_ACCESS_KEY": frozen.secret_key or "",
            "AWS_SESSION_TOKEN": frozen.token or "",
        }

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """The physical id of each resource, by its name in the template."""
        with translated(f"the stack {self.name}"):
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
        """The settings of a function; an empty one is as good as none."""
        with translated(function):
            found = self.client("lambda").get_function_configuration(FunctionName=self.resource(function))
        return found.get("Environment", {}).get("Variables", {})


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raises StackError for what boto3 raises, and for who isn't signed in."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"{what}: {error}") from error
