"""How a session is shown: Better Auth's cookie as a browser sends it, and its token with and without the signature.

Format, from Better Auth's own code: the cookie is `better-auth.session_token`, or `__Secure-better-auth.session_token`
under HTTPS, and its value `encodeURIComponent(token + "." + btoa(HMAC-SHA256(secret, token)))`
(better-auth packages/better-auth/src/cookies/index.ts, better-call packages/better-call/src/crypto.ts). The bearer
plugin takes that value, encoded or not, and the bare token (packages/better-auth/src/plugins/bearer/index.ts).
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import pytest

from clipferry import runtime
from clipferry.db.connection import Database
from local.lambda_runtime.events import http_event
from local.sam_template.environment import in_process
from tests import books
from tests.http_api import AUTH_SECRET, COOKIE, ORIGIN, Answer, Api, Person, environment, signed

ME = "/api/v1/user/me"
PRESIGN = {"filename": "a.png", "contentType": "image/png"}
JSON = {"content-type": "application/json"}
COOKIES = [COOKIE, f"__Secure-{COOKIE}"]


@pytest.fixture
def trusting(database_url: str, api: Api) -> Iterator[Api]:
    """A stack that wasn't told Better Auth's secret: the token alone decides."""
    with in_process(environment(database_url) | {"BETTER_AUTH_SECRET": ""}):
        runtime.reset()
        yield api


def me(api: Api, *cookies: str, **headers: str) -> Answer:
    return api.call("GET", ME, headers={"cookie": "; ".join(cookies), **headers} if cookies else headers)


def digest(token: str, secret: str = AUTH_SECRET) -> bytes:
    return hmac.new(secret.encode(), token.encode(), hashlib.sha256).digest()


def test_the_signature_is_better_auths() -> None:
    """`printf TOKEN | openssl dgst -sha256 -hmac SECRET -binary | base64`, then percent-encoded as JavaScript does."""
    assert (
        signed("nA7dJ2kLqW5xT9bVfR3yHs8PzC1mE4uG", "better-auth-secret-123456789")
        == "nA7dJ2kLqW5xT9bVfR3yHs8PzC1mE4uG.V8GCIGh5bkUNE8KG1%2FHuIAUDAJ6ihs6LRceLGx30eeQ%3D"
    )


def test_api_gateway_takes_cookies_out_of_the_headers() -> None:
    event = http_event("GET", ME, headers={"Cookie": "theme=dark; better-auth.session_token=abc"})

    assert event["cookies"] == ["theme=dark", "better-auth.session_token=abc"]
    assert "cookie" not in {name.lower() for name in event["headers"]}


@pytest.mark.parametrize("name", COOKIES)
@pytest.mark.parametrize("write", [signed, lambda token: unquote(signed(token))], ids=["encoded", "as it is"])
def test_a_signed_cookie_is_a_session(api: Api, ann: Person, name: str, write: Any) -> None:
    assert me(api, f"{name}={write(ann.token)}").data["id"] == "ann"


def test_it_is_found_among_other_cookies(api: Api, ann: Person) -> None:
    own = f"{COOKIE}={signed(ann.token)}"
    other = ("theme=dark", "_ga=GA1.1.2=3", f"{COOKIE}s={signed('x')}", "better-auth.session_data=e30.e30", "=", "odd")

    assert me(api, *other, own).data["id"] == "ann"
    assert me(api, own, *other).data["id"] == "ann"


def test_where_a_host_keeps_the_cookie_header_it_is_read_there(api: Api, ann: Person) -> None:
    """A function URL does, and a proxy may."""
    own = {"Cookie": f"theme=dark; {COOKIE}={signed(ann.token)}"}

    assert api.call("GET", ME, event={"headers": own, "cookies": None}).data["id"] == "ann"


def test_of_one_name_twice_the_first_counts(api: Api, ann: Person, bob: Person) -> None:
    """The browser sends the one with the longer path first, and better-call reads that one."""
    assert me(api, f"{COOKIE}={signed(ann.token)}", f"{COOKIE}={signed(bob.token)}").data["id"] == "ann"
    assert me(api, f"{COOKIE}=", f"{COOKIE}={signed(bob.token)}").status == 401


@pytest.mark.parametrize("order", [1, -1])
def test_the_secure_cookie_goes_before_the_plain_one_that_another_host_could_have_set(
    api: Api, ann: Person, bob: Person, order: int
) -> None:
    both = [f"{COOKIES[0]}={signed(bob.token)}", f"{COOKIES[1]}={signed(ann.token)}"]

    assert me(api, *both[::order]).data["id"] == "ann"


def forgeries(token: str) -> Sequence[str]:
    right = b64encode(digest(token)).decode()
    """Signed, but not by Better Auth, or not for this token."""
    return [
        f"{token}.",
        f"{token}.{right[:-1]}",
        f"{token}.{right}=",
        f"{token}.{right.swapcase()}",
        f"{token}.{'A' * 43}=",
        f"{token}.{b64encode(digest(token, 'another secret')).decode()}",
        f"{token}.{b64encode(digest('another')).decode()}",
        f"{token}.{digest(token).hex()}",
        f"{token}.{urlsafe_b64encode(digest(token + '~')).decode()}",
        f"{token}x.{right}",
        f".{right}",
        f".{b64encode(digest('')).decode()}",
        f"{token}.{right}.{right}",
        f"{token} .{right}",
        f"{token}\x00.{right}",
    ]


@pytest.mark.parametrize("name", COOKIES)
def test_a_cookie_that_is_not_signed_by_better_auth_is_refused(api: Api, ann: Person, name: str) -> None:
    for forgery in (ann.token, *forgeries(ann.token)):
        assert me(api, f"{name}={forgery}").status == 401, forgery


@pytest.mark.parametrize(
    "write", [signed, lambda token: unquote(signed(token)), str], ids=["encoded", "signed", "bare"]
)
def test_a_bearer_token_comes_with_its_signature_or_without(api: Api, ann: Person, write: Any) -> None:
    assert me(api, authorization=f"Bearer {write(ann.token)}").data["id"] == "ann"


def test_a_bearer_token_whose_signature_is_wrong_is_refused(api: Api, ann: Person) -> None:
    for forgery in forgeries(ann.token):
        assert me(api, authorization=f"Bearer {forgery}").status == 401, forgery


def test_the_header_decides_where_there_is_a_cookie_too(api: Api, ann: Person, bob: Person) -> None:
    cookie = f"{COOKIE}={signed(ann.token)}"

    assert me(api, cookie, authorization=f"Bearer {bob.token}").data["id"] == "bob"
    assert me(api, cookie, authorization=f"Bearer {bob.key}").data["id"] == "bob"
    for wrong in ("Bearer guess", "Bearer cf_guess", "Bearer", "bearer guess", " Bearer guess"):
        assert me(api, cookie, authorization=wrong).status == 401


@pytest.mark.parametrize("header", ["Basic YTpi", "basic YTpi", "Digest username=x", "Bearerish x", "Basic", "", " "])
def test_another_scheme_is_not_ours_so_the_cookie_counts(api: Api, ann: Person, header: str) -> None:
    """A staging site behind a password: the browser sends `Basic …` with every request."""
    assert me(api, f"{COOKIE}={signed(ann.token)}", authorization=header).data["id"] == "ann"
    assert me(api, f"{COOKIE}=guess", authorization=header).status == 401
    assert me(api, authorization=header).status == 401
    assert presign(api, ann, {"authorization": header}) == 403, "a write still needs an Origin"


def test_a_deployed_stage_takes_the_cookie_that_only_https_can_set(database_url: str, api: Api, ann: Person) -> None:
    """A sibling host of the domain can set the plain one, and sign a visitor in as somebody else."""
    deployed = {"STAGE": "prod", "ALLOW_LOOPBACK": "", "CALLBACK_HMAC_SECRET": "x" * 32}
    https = {"EVOLINK_BASE_URL": "", "MIRROR_QUEUE_URL": "https://sqs.example.com/q", "AWS_ENDPOINT_URL_SQS": ""}
    with in_process(environment(database_url) | deployed | https):
        runtime.reset()
        assert me(api, f"{COOKIE}={signed(ann.token)}").status == 401
        assert me(api, f"{COOKIE}=tossed", f"__Secure-{COOKIE}={signed(ann.token)}").data["id"] == "ann"
        assert me(api, f"__SECURE-{COOKIE}={signed(ann.token)}").status == 401
        assert me(api, authorization=f"Bearer {ann.token}").data["id"] == "ann"


def test_cookie_has_the_prefix_that_the_front_end_gives_it(database_url: str, api: Api, ann: Person) -> None:
    own = "my-app.session_token"
    with in_process(environment(database_url) | {"BETTER_AUTH_COOKIE_PREFIX": "my-app"}):
        runtime.reset()
        for name in (own, f"__Secure-{own}"):
            assert me(api, f"{name}={signed(ann.token)}").data["id"] == "ann"
        assert me(api, f"{own}={signed('guess')}", f"__Secure-{own}={signed(ann.token)}").data["id"] == "ann"
        assert me(api, f"{COOKIE}={signed(ann.token)}").status == 401


def test_an_api_key_is_for_the_header_only(api: Api, ann: Person) -> None:
    assert me(api, authorization=f"Bearer {ann.key}").data["id"] == "ann"
    for value in (ann.key, signed(ann.key)):
        assert me(api, f"{COOKIE}={value}").status == 401


def test_without_the_secret_the_token_decides(trusting: Api, ann: Person) -> None:
    for value in (ann.token, signed(ann.token), signed(ann.token, "another secret")):
        assert me(trusting, f"{COOKIE}={value}").data["id"] == "ann"
        assert me(trusting, authorization=f"Bearer {value}").data["id"] == "ann"
    assert me(trusting, f"{COOKIE}=guess").status == 401


def test_a_signed_cookie_of_an_expired_session_is_refused(api: Api, database: Database, ann: Person) -> None:
    books.execute(database, "update session set \"expiresAt\" = timezone('utc', now()) - interval '1 second'")

    assert me(api, f"{COOKIE}={signed(ann.token)}").status == 401


# Writes: a browser adds the cookie to any site's request


def presign(api: Api, ann: Person, headers: dict[str, str]) -> int:
    cookie = {"cookie": f"{COOKIE}={signed(ann.token)}"}
    return api.call("POST", "/api/v1/upload/presign", PRESIGN, {**cookie, **headers}).status


def test_a_page_of_ours_writes_with_the_cookie(api: Api, ann: Person) -> None:
    assert presign(api, ann, {"origin": ORIGIN}) == 200
    assert presign(api, ann, {"origin": ORIGIN, "content-type": "application/json; charset=utf-8"}) == 200
    assert presign(api, ann, {"origin": ORIGIN, "content-type": "Application/JSON"}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ""},
        {"origin": "null"},
        {"origin": "https://evil.example.com"},
        {"origin": "https://app.example.com.evil.example"},
        {"origin": "http://app.example.com"},
        {"origin": "https://app.example.com:8443"},
        {"origin": f"{ORIGIN}, https://evil.example.com"},
        {"referer": f"{ORIGIN}/"},
        {"host": "app.example.com"},
        {"origin": ORIGIN, "content-type": "text/plain"},
        {"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"},
        {"origin": ORIGIN, "content-type": "multipart/form-data; boundary=x"},
        {"origin": ORIGIN, "content-type": "text/plain; application/json"},
        {"origin": ORIGIN, "content-type": ""},
    ],
)
def test_no_other_page_does(api: Api, ann: Person, headers: dict[str, str]) -> None:
    assert presign(api, ann, headers) == 403


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/api/v1/video/v"), ("POST", "/api/v1/video/v/retry")])
def test_a_write_without_a_body_needs_the_origin_too(api: Api, ann: Person, method: str, path: str) -> None:
    cookie = {"cookie": f"{COOKIE}={signed(ann.token)}"}

    assert api.call(method, path, headers={**cookie, "origin": ORIGIN}).status == 404
    assert api.call(method, path, headers=cookie).status == 403
    assert api.call(method, path, headers={**cookie, "origin": "https://evil.example.com"}).status == 403


def test_reading_needs_no_origin(api: Api, ann: Person) -> None:
    """Another site's page can make the browser send the request, but CORS keeps it from reading the answer."""
    assert me(api, f"{COOKIE}={signed(ann.token)}").status == 200
    assert me(api, f"{COOKIE}={signed(ann.token)}", origin="https://evil.example.com").status == 200


def test_a_bearer_token_needs_no_origin_since_no_browser_adds_it_by_itself(api: Api, ann: Person) -> None:
    for shown in (ann.by_session, ann.by_key):
        assert api.call("POST", "/api/v1/upload/presign", PRESIGN, shown).status == 200
        wherever = {**shown, "origin": "https://evil.example.com", "content-type": "text/plain"}
        assert api.call("POST", "/api/v1/upload/presign", PRESIGN, wherever).status == 200


def test_without_allowed_origins_no_cookie_writes(database_url: str, api: Api, ann: Person) -> None:
    with in_process(environment(database_url) | {"ALLOWED_ORIGINS": ""}):
        runtime.reset()
        assert presign(api, ann, {"origin": ORIGIN}) == 403
        assert presign(api, ann, {"origin": ""}) == 403
        assert presign(api, ann, {}) == 403
