"""The owner's secret in Secrets Manager: read at run time and kept for a limited time, so rotation needs no deployment.

One GetSecretValue costs $0.000005 ($0.05 for 10,000). A warm instance in use makes one every five minutes: a hundred
instances around the clock cost $4.30 a month, the secret itself $0.40.

Source: "GetSecretValue" and "Common errors" in the AWS Secrets Manager API Reference.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from clipferry.aws.json_client import JsonClient
from clipferry.aws.sigv4 import Credentials
from clipferry.errors import ConfigurationError, NetworkError, SecretsUnavailableError
from clipferry.net.http_client import HttpResponse
from clipferry.observability import count, logger

RETRY_SECONDS: Final = 60.0
"""The least time between two reads when one has failed, or when somebody asks for a fresh one."""
TOTAL_SECONDS: Final = 4.0
ATTEMPTS: Final = 2
"""For one read: a second attempt costs little beside a request that fails."""
PAUSE_SECONDS: Final = (0.1, 0.5)
"""The least and the longest wait before the second one, drawn at random: instances that are throttled together don't
come back together."""
_TRANSIENT: Final = ("ThrottlingException", "TooManyRequestsException", "InternalServiceError", "InternalFailure")


class SecretsManager:
    """Reads from Secrets Manager in `region`, at `endpoint_url`, which may be http only with `allow_plain_http`.

    `credentials` is called for every request, because a role's expire.
    """

    def __init__(
        self,
        *,
        region: str,
        endpoint_url: str,
        credentials: Callable[[], Credentials],
        allow_plain_http: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._service = JsonClient(
            endpoint_url,
            service="secretsmanager",
            target="secretsmanager",
            version="1.1",
            region=region,
            allow_plain_http=allow_plain_http,
            credentials=credentials,
        )

    def read(self, secret_id: str) -> dict[str, str]:
        """Returns the secret's JSON object. No error tells anything of its contents.

        Raises SecretsUnavailableError when trying again may help, else ConfigurationError.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _parsed(self._get(secret_id))
            except SecretsUnavailableError:
                if attempt == ATTEMPTS:
                    raise
            self._sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - nothing depends on its being secret
        raise AssertionError

    def close(self) -> None:
        self._service.close()

    def _get(self, secret_id: str) -> bytes:
        try:
            answer = self._service.call("GetSecretValue", {"SecretId": secret_id}, timeout=TOTAL_SECONDS)
        except NetworkError as error:
            raise SecretsUnavailableError(f"Secrets Manager: {error}") from None
        if answer.status != 200:
            raise _refusal(answer, secret_id)
        return answer.body


class Secret:
    """One secret, kept for `max_age_seconds`. Thread-safe: one thread reads, the others use the values that are there.

    `names` are the keys that are settings; others are warned of. The clock is the wall clock: the monotonic one may
    stand still while a Lambda is frozen.
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
        self._refresh_lock = threading.Lock()
        self._values: Mapping[str, str] | None = None
        self._read_at = 0.0
        self._refreshed_at = 0.0
        self._fresh_seconds = 0.0

    def values(self) -> Mapping[str, str]:
        """Returns the values, the same object until they change. Raises what `SecretsManager.read` does for the first.

        When a later read fails, the old values are returned, with a warning and a metric, and read again in a minute.
        """
        return self._current(self._is_fresh)

    def values_now(self) -> Mapping[str, str]:
        """Reads at once, unless that was done within the last minute: for a caller who knows that the values are old.

        Threads that call it at the same time wait for the one that reads.
        """
        with self._refresh_lock:
            if 0 <= self._clock() - self._refreshed_at < RETRY_SECONDS:
                return self.values()
            self._refreshed_at = self._clock()
            return self._current(lambda: False)

    def close(self) -> None:
        self._manager.close()

    def _current(self, is_fresh_enough: Callable[[], bool]) -> Mapping[str, str]:
        values = self._values
        if values is not None and is_fresh_enough():
            return values
        if not self._lock.acquire(blocking=values is None):
            assert values is not None
            return values
        try:
            if self._values is not None and is_fresh_enough():  # another thread has read it meanwhile
                return self._values
            return self._read()
        finally:
            self._lock.release()

    def _read(self) -> Mapping[str, str]:
        try:
            read = self._manager.read(self._id)
        except ConfigurationError as error:
            if self._values is None:
                raise
            logger.warning("secret not read again", detail=str(error))
            count("SecretReadErrors")
            self._mark_read(min(RETRY_SECONDS, self._max_age))
            return self._values
        self._mark_read(self._max_age)
        if read != self._values:
            self._warn_of_unknown_keys(read)
            self._values = read
        assert self._values is not None
        return self._values

    def _is_fresh(self) -> bool:
        return 0 <= self._clock() - self._read_at < self._fresh_seconds

    def _mark_read(self, fresh_seconds: float) -> None:
        self._read_at, self._fresh_seconds = self._clock(), fresh_seconds

    def _warn_of_unknown_keys(self, values: Mapping[str, str]) -> None:
        if unknown := sorted(values.keys() - self._names):
            logger.warning("the secret has keys that are no settings", keys=[key[:80] for key in unknown[:20]])


def _refusal(answer: HttpResponse, secret_id: str) -> ConfigurationError:
    """Makes an error of AWS's error type. AWS's message is left out: for a refused decryption it may say anything."""
    try:
        error = json.loads(answer.body)
        kind = str(error.get("__type", "")).rpartition("#")[2] if isinstance(error, dict) else ""
    except (ValueError, RecursionError):
        kind = ""
    detail = f"Secrets Manager: {answer.status} {kind[:80] or 'without an error type'} for {secret_id}"
    is_transient = answer.status >= 500 or answer.status == 429 or kind in _TRANSIENT
    return SecretsUnavailableError(detail) if is_transient else ConfigurationError(detail)


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
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ConfigurationError(f"{what} is not a JSON object")
    return parsed
