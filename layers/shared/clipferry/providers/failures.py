"""Why a provider failed or refused: one reading of its codes, types and words, for every adapter.

A model's owner refuses in its own words, which the provider passes on: the same sentence of Google's, OpenAI's or
ByteDance's comes through KIE, Evolink and Replicate, with this code or that. tests/unit/test_refusals.py has real ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from clipferry.errors import ProviderRefusedError
from clipferry.providers.parsing import join_text
from clipferry.verdicts import FailureCode

_LABELS: Final = {
    FailureCode.INVALID_INPUT: (
        "invalid_parameters invalid_request invalid_audio image_processing_error image_dimension_mismatch"
        " request_too_large_error 400 413 422 451"
    ),
    FailureCode.PROVIDER_BUSY: (
        "resource_exhausted service_unavailable service_unavailable_error rate_limit_exceeded rate_limit_error"
        " startup_timeout runner_scheduling_failure downstream_service_unavailable 429 455 503"
    ),
    FailureCode.PROVIDER_OUT_OF_FUNDS: (
        "quota_exceeded insufficient_quota insufficient_quota_error insufficient_user_quota 402 433"
    ),
    FailureCode.TIMED_OUT: "generation_timeout request_timeout 408",
    FailureCode.PROVIDER_FAILED: "downstream_service_error internal_server_error no_media_generated",
    FailureCode.CANCELLED: "client_cancelled",
}
"""Error codes, error types and statuses, in lower case. 433, 451 and 455 are KIE's: a key's limit, an image that
couldn't be fetched, maintenance. 401 (key), 404 (endpoint), 500 (server), 501 (generation) and 505 (switched off) stand
nowhere, because they are the provider's own failures."""
_CODES: Final = {label: code for code, labels in _LABELS.items() for label in labels.split()}

_NOT_ABOUT_CONTENT: Final = frozenset({FailureCode.PROVIDER_BUSY, FailureCode.PROVIDER_OUT_OF_FUNDS})
"""What these codes say is sure, whatever words are beside it: "rate limit policy" is no content rule."""

_CONTENT: Final = re.compile(
    r"""
      (?<!case.) sensitive | nsfw | flagged | moderat | prohibited | guardrail | sentinel.block | risk.control
    | content.{0,12}polic | polic(y|ies).violation | (usage|safety|our|community) \s (polic|guideline)
    | violat\w* \s (.{0,60}\s)? ([\w']*polic | guideline | terms | rules | responsible | practices)
    | content.filter | filter.failed | support \s codes? | severe \s violation
    | unsafe | safety | harmful | inappropriate | responsible \s ai
    | (real|prominent|recogni[sz]able|identifiable|photo-?real\w*|realistic) \s
        (people | persons? | humans? | individuals? | faces? | figures? | upload)
    | public \s figure | celebrit | likeness | human \s faces
    | \b minors \b | underage | \b child (ren)? \s (safety|abuse|content|protection|exploitation|detected) | csam
    | public \s error \s (minor | unsafe | sexual | violen | ip | audio.filtered | .*\b upload)
    | copyright | intellectual \s property | trademark | third.party \s (content | ip)
    | nudity | sexual | porn | erotic | \b gore \b | violence | self.harm | hate \s speech
    | data \s? inspection
    | 敏感 | 违规 | 违反 | 审核 | 风控 | 版权 | 侵权 | 真人 | 未成年
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def classify_failure(*labels: object, message: object) -> FailureCode:
    """Our code for a provider's failure. `labels` are its error code and type and the HTTP status, where it has them.

    A label in words says more than a number. What can't be placed is the provider's own failure.
    """
    known = _known_code(labels)
    if known not in _NOT_ABOUT_CONTENT and is_about_content(*labels, message):
        return FailureCode.CONTENT_POLICY
    return known or FailureCode.PROVIDER_FAILED


def is_about_content(*texts: object) -> bool:
    """Whether a provider's words, or the words of a code such as `PROMINENT_PEOPLE_UPLOAD`, name a content rule."""
    return any(_CONTENT.search(text.replace("_", " ")) for text in texts if isinstance(text, str))


def _known_code(labels: tuple[object, ...]) -> FailureCode | None:
    names = sorted((str(label).lower() for label in labels if label is not None), key=str.isdigit)
    return next((_CODES[name] for name in names if name in _CODES), None)


def refusal(message: str, failure: FailureCode, *, is_down: bool) -> ProviderRefusedError:
    """Makes the error of a submit that was refused. An order against the content rules says nothing of who is down."""
    return ProviderRefusedError(message, failure=failure, is_down=is_down and failure is not FailureCode.CONTENT_POLICY)


# An error object with OpenAI's fields: `code`, `type`, `message`.


def error_refusal(status: int, error: Mapping[str, Any]) -> ProviderRefusedError:
    """Makes the error of a refused submit. The HTTP status decides where the code is unknown: codes differ."""
    message = join_text(f"HTTP {status}", error_detail(error))
    return refusal(message, error_failure(error, status), is_down=status >= 500)


def error_failure(error: Mapping[str, Any], status: int | None = None) -> FailureCode:
    return classify_failure(error.get("code"), error.get("type"), status, message=error.get("message"))


def error_detail(error: Mapping[str, Any]) -> str:
    return join_text(error.get("code"), error.get("message"))
