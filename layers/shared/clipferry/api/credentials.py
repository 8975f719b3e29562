"""What a request shows to say who it is: a Better Auth session (bearer token or signed cookie) or an API key.

Whether the session or the key exists, the database says, in the same round trip as the request's own work. Formats:
Better Auth's cookie is `<token>.<signature>`, percent-encoded, where the signature is the standard Base64 of the
HMAC-SHA256 of the token with BETTER_AUTH_SECRET; its bearer plugin takes the token with or without that signature.
The cookie's name begins with Better Auth's `advanced.cookiePrefix`, and with `__Secure-` before it under HTTPS. A
deployed stage takes that one only: every other host of the domain can set the plain one, and so sign a visitor in as
somebody else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from clipferry.errors import ForbiddenError, UnauthorizedError
from clipferry.models import Credential

API_KEY_PREFIX: Final = "cf_"
COOKIE_PREFIX: Final = "better-auth"
"""Better Auth's own, where the front end has set no other."""
_LONGEST: Final = 512
_READS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthRules:
    """How credentials are checked. Without `better_auth_secret` signatures aren't; the token alone decides."""

    better_auth_secret: str | None
    allowed_origins: tuple[str, ...]
    cookie_prefix: str = COOKIE_PREFIX
    plain_cookies: bool = False
    """Whether a cookie counts that isn't `__Secure-`: Better Auth sets such a one under plain HTTP."""

    @property
    def cookie_names(self) -> tuple[str, ...]:
        """The one that only HTTPS can set goes first."""
        name = f"{self.cookie_prefix}.session_token"
        return (f"__Secure-{name}", name) if self.plain_cookies else (f"__Secure-{name}",)


def read(*, method: str, headers: Mapping[str, str], cookies: Sequence[str], rules: AuthRules) -> Credential:
    """Reads the credential; `headers` have names in lower case.

    An `Authorization` of another scheme than Bearer isn't for us: a password in front of a staging site is sent as
    Basic with every request. Then the cookie counts, as if the header weren't there.
    Raises UnauthorizedError, or ForbiddenError when another site writes with the user's cookie.
    """
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return _from_bearer(token.strip(), rules)
    cookie = _session_cookie(cookies, rules)
    if cookie is None:
        raise UnauthorizedError("no credential")
    if method not in _READS:
        _refuse_cross_site(headers, rules)
    return Credential(session_token=_unsigned(cookie, rules, signature_required=True))


def _from_bearer(token: str, rules: AuthRules) -> Credential:
    if token.startswith(API_KEY_PREFIX):
        return Credential(key_sha256=hashlib.sha256(_checked(token).encode()).digest())
    return Credential(session_token=_unsigned(token, rules, signature_required=False))


def _session_cookie(cookies: Sequence[str], rules: AuthRules) -> str | None:
    """The session cookie's value. Where a name comes twice the first one counts, as for Better Auth."""
    pairs = [cookie.strip().partition("=") for text in cookies for cookie in text.split(";")]
    found = {name: value for name, _, value in reversed(pairs)}
    return next((found[name] for name in rules.cookie_names if found.get(name)), None)


def _refuse_cross_site(headers: Mapping[str, str], rules: AuthRules) -> None:
    """Requires JSON and an allowed Origin: a browser sends the cookie with the form of any site."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = headers.get("content-length", "0") != "0" or media_type != ""
    if headers.get("origin", "") not in rules.allowed_origins or (has_body and media_type != "application/json"):
        raise ForbiddenError("cross-site write with a cookie")


def _unsigned(text: str, rules: AuthRules, *, signature_required: bool) -> str:
    token, dot, signature = _checked(unquote(text)).partition(".")
    if rules.better_auth_secret is not None and (dot or signature_required):
        digest = hmac.new(rules.better_auth_secret.encode(), token.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(digest), signature.encode()):
            raise UnauthorizedError("the session's signature is not ours")
    return token


def _checked(token: str) -> str:
    if not (0 < len(token) <= _LONGEST and token.isascii() and token.isprintable()):
        raise UnauthorizedError("not a token")
    return token
