"""What a cold start may load: each function in a clean interpreter, against a list of what it has no use for.

A module that comes in by accident costs every cold start tens of milliseconds, and nothing else would tell.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from clipferry.providers import registry

ROOT = Path(__file__).parents[1]
ALLOWED = {"botocore", "importlib.resources"}
"""Powertools looks whether botocore is there, and takes nothing of it but its `__init__`."""
NEVER = (
    # Other HTTP clients and SDKs: 67 to 300 ms each.
    "boto3", "botocore", "s3transfer", "urllib3", "requests", "httpx", "aiohttp", "awscrt", "certifi",
    "aws_xray_sdk", "urllib.request", "http.server", "http.cookiejar", "smtplib", "ftplib", "socketserver",
    # What the thumbnail's child process imports, and nobody else.
    "av", "PIL", "numpy",
    # Powertools' validation and OpenAPI; what it has only for other kinds of events.
    "aws_lambda_powertools.event_handler.openapi.models", "aws_lambda_powertools.event_handler.openapi.params",
    "aws_lambda_powertools.event_handler.openapi.dependant", "aws_lambda_powertools.event_handler.openapi.swagger_ui",
    "aws_lambda_powertools.event_handler.middlewares.openapi_validation",
    "aws_lambda_powertools.utilities.parser", "aws_lambda_powertools.utilities.validation",
    "aws_lambda_powertools.utilities.idempotency", "aws_lambda_powertools.utilities.parameters",
    "aws_lambda_powertools.utilities.feature_flags", "fastjsonschema", "jsonschema",
    # Pydantic's parts that no model of ours asks for.
    "pydantic.v1", "pydantic.deprecated.tools", "pydantic.networks", "pydantic.mypy", "email_validator", "dotenv",
    # Its model costs 5 ms, and only an owner who has a gateway needs it.
    "clipferry.setting_rules.gateways",
    # Tools, tests, and what stays on a developer's machine.
    "local", "cli", "tests", "benchmarks", "moto", "pytest", "hypothesis", "typer", "rich", "yaml", "psycopg_pool",
    # Heavy corners of the standard library.
    "email.mime", "xml", "html", "unittest", "pydoc", "doctest", "multiprocessing", "sqlite3", "tkinter", "curses",
    "distutils", "ensurepip", "pdb", "cProfile", "concurrent.futures.process", "logging.config", "optparse",
)  # fmt: skip
API = ("create_video", "receive_callback", "query_videos", "account")
STORAGE = (
    "clipferry.storage", "clipferry.transfer", "clipferry.s3", "clipferry.net.safe_get", "clipferry.media",
)  # fmt: skip
ROUTER = (
    "clipferry.api.app",
    "clipferry.api.requests",
    "clipferry.api.responses",
    "clipferry.api.request_bodies",
    "aws_lambda_powertools.event_handler",
)
PROVIDERS = tuple(provider.module for provider in registry.PROVIDERS)
BATCH = "aws_lambda_powertools.utilities.batch"
WEBHOOKS = ("clipferry.net.guarded_post", "clipferry.usecases.deliver_webhook")
MIRROR = ("clipferry.storage", "clipferry.transfer", "clipferry.s3", "clipferry.media")
BEHIND_THE_API = (*NEVER, *STORAGE, *WEBHOOKS, BATCH, "clipferry.db.migrations", "clipferry.api.response_types")
FORBIDDEN = {
    **dict.fromkeys(API, BEHIND_THE_API),
    "create_video": (*BEHIND_THE_API, "clipferry.api.request_bodies"),
    "deliver_webhooks": (
        *NEVER,
        "http.client",
        *MIRROR,
        *ROUTER,
        *PROVIDERS,
        "clipferry.db.migrations",
        "clipferry.db.finish_video",
    ),
    "mirror_video": (
        *NEVER,
        *ROUTER,
        *WEBHOOKS,
        "http.client",
        "clipferry.media.first_frame",
        "clipferry.db.migrations",
    ),
    "reconcile": (*NEVER, *STORAGE, *ROUTER, *WEBHOOKS, BATCH, "clipferry.db.migrations"),
    "housekeep": (
        *NEVER,
        *ROUTER,
        BATCH,
        "clipferry.media.mp4_scanner",
        "clipferry.media.thumbnail",
        "clipferry.db.migrations",
    ),
    "migrate": (*NEVER, *STORAGE, *ROUTER, *PROVIDERS, BATCH),
}
COMMAND = (
    *NEVER, "aws_lambda_powertools", "logging", "pydantic", "psycopg",
    # `dataclasses` brings `inspect` (13 ms), and a class made by it costs four times a NamedTuple's 0.1 ms.
    "dataclasses", "inspect", "decimal", "random", "shutil", "tempfile", "pathlib", "http", "email",
    "clipferry.storage", "clipferry.models", "clipferry.files", "clipferry.catalog", "clipferry.settings",
    "clipferry.observability", "clipferry.db", "clipferry.providers", "clipferry.s3.objects",
)  # fmt: skip
"""What `python -m clipferry` has no use for: it moves a typical film in less time than these take."""


def loaded(statements: str, environ: Mapping[str, str] = MappingProxyType({})) -> set[str]:
    """The modules that an interpreter has loaded after them, and hadn't before."""
    show = "import json; print(json.dumps([*sys.modules.keys() - before]))"
    script = f"import sys; before = set(sys.modules)\n{statements}\n{show}"
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "shared")])
    done = subprocess.run(
        [sys.executable, "-B", "-c", script],
        env={**environ, "PATH": os.environ["PATH"], "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def trespassers(modules: Iterable[str], forbidden: Iterable[str]) -> list[str]:
    """Returns which of `modules` are forbidden, or within a forbidden one."""
    return sorted(
        module
        for module in modules
        if module not in ALLOWED and any(module == name or module.startswith(f"{name}.") for name in forbidden)
    )
