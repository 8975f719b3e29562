"""The owner's secret in Secrets Manager: read at run time, kept for a bounded age, so a rotation needs no deployment.

One GetSecretValue costs $0.000005 ($0.05 for 10,000). A warm instance in use makes one every five minutes: a hundred
instances around the clock cost $4.30 a month, the secret itself $0.40.

Source: "GetSecretValue" and "Common errors" in the AWS Secrets Manager API Reference.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from clipferry.aws.json_client import JsonClient
from clipferry.aws.sigv4 import Credentials
from clipferry.errors import (
    ConfigurationError,
    ProviderSilentError,
    ProviderUnreachableError,
    SecretsUnavailableError,
)
from clipferry.net.http_client import HttpResponse
from clipferry.observability import count, logger

RETRY_SECONDS: Final = 60.0
"""Between two readings when one has failed, or when somebody asks out of turn."""
CONNECT_SECONDS: Final = 2.0
TOTAL_SECONDS: Final = 4.0
ATTEMPTS: Final = 2
"""Of one reading: a second one costs little beside a request that fails."""
_MAX_ANSWER_BYTES: Final = 256 * 1024
"""A secret has at most 64 KiB; JSON within JSON makes more of it."""
_PASSING: Final = ("ThrottlingException", "TooManyRequestsException", "InternalServiceError", "InternalFailure")


def region_of(secret_id: str, otherwise: str) -> str:
    """The region that an ARN names; a bare name is in the function's own."""
    parts = secret_id.split(":")
    return parts[3] if len(parts) > 6 and parts[0] == "arn" and parts[3] else otherwise


class SecretsManager:
    """Secrets Manager in `region`, at `endpoint_url` or else AWS's own. Only an explicit `endpoint_url` may be http.

    `credentials` is asked at every call, because a role's expire.
    """

    def __init__(self, *, region: str, endpoint_url: str | None, credentials: Callable[[], Credentials]) -> None:
        self._service = JsonClient(
            endpoint_url or f"https://secretsmanager.{region}.amazonaws.com",
            service="secretsmanager",
            target="secretsmanager",
            version="1.1",
            region=region,
            allow_plain_http=endpoint_url is not None,
            credentials=credentials,
        )

    def read(self, secret_id: str) -> dict[str, str]:
        """The secret's JSON object. Nothing that is raised says anything of its contents.

        Raises SecretsUnavailableError when trying again may help, else ConfigurationError.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _parsed(self._get(secret_id))
            except SecretsUnavailableError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError

    def close(self) -> None:
        self._service.close()

    def _get(self, secret_id: str) -> bytes:
        try:
            answer = self._service.call(
                "GetSecretValue",
                {"SecretId": secret_id},
                connect_timeout=CONNECT_SECONDS,
                timeout=TOTAL_SECONDS,
                max_bytes=_MAX_ANSWER_BYTES,
            )
        except (ProviderUnreachableError, ProviderSilentError) as error:
            raise SecretsUnavailableError(f"Secrets Manager: {error}") from None
        if answer.status != 200:
            raise _refusal(answer, secret_id)
        return answer.body


class Secret:
    """One secret, kept for `max_age_seconds`. Thread-safe: one thread reads, the others go on with what is there.

    `names` are the keys that mean something. The clock is the wall's: the monotonic one may stand still while a Lambda
    is frozen.
    """

    def __init__(
        self,
        secret_id: str,
        *,
        manager: SecretsManager,
        names: Collection[str],
        max_age_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._id = secret_id
        self._manager = manager
        self._names = names
        self._max_age = max_age_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._hurry = threading.Lock()
        self._values: Mapping[str, str] | None = None
        self._asked_at = 0.0
        self._hurried_at = 0.0
        self._keeps_for = 0.0

    def values(self) -> Mapping[str, str]:
        """The same object for as long as nothing has changed. Raises what `SecretsManager.read` does, if there is none.

        When it can't be read again, the old one is given, with a warning and a metric, and the next try is a minute
        away.
        """
        return self._current(self._is_fresh)

    def values_now(self) -> Mapping[str, str]:
        """For who has seen that they are old: read at once, unless somebody did so within the last minute.

        Threads that see it at the same time wait for the one that reads.
        """
        with self._hurry:
            if 0 <= self._clock() - self._hurried_at < RETRY_SECONDS:
                return self.values()
            self._hurried_at = self._clock()
            return self._current(lambda: False)

    def close(self) -> None:
        self._manager.close()

    def _current(self, suffices: Callable[[], bool]) -> Mapping[str, str]:
        values = self._values
        if values is not None and suffices():
            return values
        if not self._lock.acquire(blocking=values is None):
            assert values is not None
            return values
        try:
            if self._values is not None and suffices():  # another thread has read it meanwhile
                return self._values
            return self._read()
        finally:
            self._lock.release()

    def _read(self) -> Mapping[str, str]:
        try:
            found = self._manager.read(self._id)
        except ConfigurationError as error:
            if self._values is None:
                raise
            logger.warning("secret not read again", detail=str(error))
            count("SecretReadErrors")
            self._note(min(RETRY_SECONDS, self._max_age))
            return self._values
        self._note(self._max_age)
        if found != self._values:
            self._warn_of_strangers(found)
            self._values = found
        assert self._values is not None
        return self._values

    def _is_fresh(self) -> bool:
        return 0 <= self._clock() - self._asked_at < self._keeps_for

    def _note(self, keeps_for: float) -> None:
        self._asked_at, self._keeps_for = self._clock(), keeps_for

    def _warn_of_strangers(self, found: Mapping[str, str]) -> None:
        if strangers := sorted(found.keys() - self._names):
            logger.warning("the secret has keys that are no settings", keys=[key[:80] for key in strangers[:20]])


def _refusal(answer: HttpResponse, secret_id: str) -> ConfigurationError:
    """AWS's word for it. Its sentence is left out: that of a refused decryption may be anything."""
    try:
        told = json.loads(answer.body)
        kind = str(told.get("__type", "")).rpartition("#")[2] if isinstance(told, dict) else ""
    except (ValueError, RecursionError):
        kind = ""
    detail = f"Secrets Manager: {answer.status} {kind[:80] or 'without a word'} for {secret_id}"
    passing = answer.status >= 500 or answer.status == 429 or kind in _PASSING
    return SecretsUnavailableError(detail) if passing else ConfigurationError(detail)


def _parsed(body: bytes) -> dict[str, str]:
    text = _object(body, "Secrets Manager's answer").get("SecretString")
    if not isinstance(text, str):
        raise ConfigurationError("the secret has no SecretString")
    values = _object(text, "the secret")
    wrong = sorted(key[:80] for key, value in values.items() if not isinstance(value, str))
    if wrong:
        raise ConfigurationError(f"the secret's values must be strings: {', '.join(wrong[:20])}")
    return values


def _object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{what} is not a JSON object")
    return found
