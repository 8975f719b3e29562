"""The AWS credentials of the function's role: from the environment, or from Lambda's endpoint under SnapStart.

A snapshot would outlive credentials in the environment, so with SnapStart Lambda sets none there and serves them on
loopback instead ("Working with SnapStart: environment variables" in AWS's Lambda guide; the answer's form is that of
the container credential provider in the AWS SDKs' reference).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from clipferry.aws.sigv4 import Credentials, environment_credentials
from clipferry.errors import ConfigurationError, NetworkError, SecretsUnavailableError
from clipferry.net.http_client import send_request

ENDPOINT: Final = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - a variable's name
RENEW_SECONDS: Final = 300.0
"""How long before they expire: a request that is signed now is checked a moment later, by another clock."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class RoleCredentials:
    """Keeps the credentials until shortly before they expire. `environ` is read at every call: Lambda may change it."""

    def __init__(self, environ: Mapping[str, str], *, clock: Callable[[], float] = time.time) -> None:
        self._environ = environ
        self._clock = clock
        self._lock = threading.Lock()
        self._served: tuple[Credentials, float] | None = None

    def credentials(self) -> Credentials:
        """Returns the credentials that are valid now.

        Raises ConfigurationError when there are none, and SecretsUnavailableError when the endpoint doesn't give them.
        """
        if self._environ.get("AWS_ACCESS_KEY_ID") or not self._environ.get(ENDPOINT):
            return environment_credentials(self._environ)
        with self._lock:
            if self._served is None or self._clock() > self._served[1] - RENEW_SECONDS:
                self._served = self._ask(self._environ[ENDPOINT])
            return self._served[0]

    def forget(self) -> None:
        """Makes the next call ask again."""
        with self._lock:
            self._served = None

    def _ask(self, url: str) -> tuple[Credentials, float]:
        """Returns the credentials, and when they expire (seconds since 1970)."""
        headers = {"Authorization": self._environ[TOKEN]} if self._environ.get(TOKEN) else {}
        is_local = urlsplit(url).hostname in _LOOPBACK
        try:
            answer = send_request("GET", url, plain_http=is_local, headers=headers, timeout=2.0)
        except NetworkError as error:
            raise SecretsUnavailableError(f"the role's credentials: {error}") from None
        if answer.status != 200:
            raise SecretsUnavailableError(f"the role's credentials: {answer.status}")
        return _read(answer.body)


def _read(body: bytes) -> tuple[Credentials, float]:
    try:
        answer = json.loads(body)
        credentials = Credentials(
            access_key=answer["AccessKeyId"], secret_key=answer["SecretAccessKey"], session_token=answer.get("Token")
        )
        return credentials, datetime.fromisoformat(answer["Expiration"]).timestamp()
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError("the role's credentials are not what AWS documents") from None
