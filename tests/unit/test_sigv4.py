"""Our signatures against botocore's, for any request that we could send."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import patch
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from clipferry.aws.sigv4 import UNSIGNED_PAYLOAD, Credentials, environment_credentials, presign, sign
from clipferry.errors import ConfigurationError

KEYS = Credentials(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TOKEN = "FwoGZXIvYXdzEBYaDK+/=token"

any_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
encoded = any_text.map(lambda text: quote(text, safe="~"))
paths = st.lists(any_text.map(lambda text: quote(text, safe="~!$&'()*+,;=:@")), max_size=4).map(
    lambda parts: "/" + "/".join(part.replace(".", "-") or "empty" for part in parts)
)
queries = st.lists(st.tuples(encoded, st.none() | encoded), max_size=4).map(
    lambda pairs: "&".join(name if value is None else f"{name}={value}" for name, value in pairs)
)
origins = st.sampled_from(
    [
        "https://sqs.eu-west-1.amazonaws.com",
        "https://ACCOUNT.r2.cloudflarestorage.com",
        "https://example.com:443",
        "https://example.com:8443",
        "http://127.0.0.1:5000",
        "http://localhost:80",
        "https://[::1]:9000",
    ]
)
header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
headers = st.dictionaries(
    st.from_regex(r"X-[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True).filter(lambda name: "amz" not in name.lower()),
    header_values,
    max_size=4,
).map(lambda found: {name.title(): value for name, value in found.items()})


def by_botocore(
    *, method: str, url: str, region: str, service: str, headers: dict[str, str], body: bytes, credentials: Credentials
) -> dict[str, str]:
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    keys = BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.session_token)
    (S3SigV4Auth if service == "s3" else SigV4Auth)(keys, service, region).add_auth(request)
    return dict(request.headers.items())


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "HEAD", "DELETE"]),
    origin=origins,
    path=paths,
    query=queries,
    headers=headers,
    body=st.binary(max_size=50),
    service=st.sampled_from(["s3", "sqs", "secretsmanager"]),
    region=st.sampled_from(["us-east-1", "auto"]),
    token=st.sampled_from([None, TOKEN]),
)
def test_signs_as_botocore_does(
    method: str,
    origin: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    service: str,
    region: str,
    token: str | None,
) -> None:
    url = f"{origin}{path}" + (f"?{query}" if query else "")
    keys = Credentials(access_key=KEYS.access_key, secret_key=KEYS.secret_key, session_token=token)
    theirs = by_botocore(
        method=method, url=url, region=region, service=service, headers=headers, body=body, credentials=keys
    )

    ours = sign(
        method=method,
        url=url,
        region=region,
        service=service,
        headers=headers,
        payload_sha256=hashlib.sha256(body).hexdigest(),
        credentials=keys,
        now=datetime.strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
    )

    assert {name.lower(): value for name, value in ours.items()} == {
        name.lower(): value for name, value in theirs.items()
    }


def test_the_example_of_the_user_guide_comes_out() -> None:
    signed = sign(
        method="GET",
        url="https://examplebucket.s3.amazonaws.com/test.txt",
        region="us-east-1",
        service="s3",
        headers={"Range": "bytes=0-9"},
        payload_sha256=hashlib.sha256(b"").hexdigest(),
        credentials=Credentials(
            access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        ),
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )

    assert signed["Authorization"].endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


def test_an_unsigned_payload_says_so_in_a_signed_header() -> None:
    signed = sign(
        method="PUT",
        url="https://example.com/bucket/key",
        region="auto",
        service="s3",
        headers={},
        payload_sha256=UNSIGNED_PAYLOAD,
        credentials=KEYS,
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )

    assert signed["X-Amz-Content-SHA256"] == UNSIGNED_PAYLOAD
    assert "SignedHeaders=host;x-amz-content-sha256;x-amz-date," in signed["Authorization"]


def test_the_clock_is_read_in_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    signed = sign(
        method="GET",
        url="https://example.com/",
        region="auto",
        service="sqs",
        headers={},
        payload_sha256=UNSIGNED_PAYLOAD,
        credentials=KEYS,
        now=datetime(2026, 1, 1, 7, 30, tzinfo=shanghai),
    )

    assert signed["X-Amz-Date"] == "20251231T233000Z"


def test_a_function_signs_with_its_role() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "token"}

    assert environment_credentials(environ) == Credentials(access_key="id", secret_key="key", session_token="token")


def test_a_session_token_is_optional() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": ""}

    assert environment_credentials(environ).session_token is None


def test_missing_credentials_are_named() -> None:
    with pytest.raises(ConfigurationError, match="AWS_SECRET_ACCESS_KEY"):
        environment_credentials({"AWS_ACCESS_KEY_ID": "id"})


def test_credentials_never_print_their_secrets() -> None:
    printed = repr(Credentials(access_key="id", secret_key="SECRET", session_token="SECRET"))

    assert "SECRET" not in printed


@settings(max_examples=200, deadline=None)
@given(origin=origins, path=paths, name=encoded.filter(bool), token=st.sampled_from([None, TOKEN]))
def test_presigns_as_botocore_does(origin: str, path: str, name: str, token: str | None) -> None:
    keys = Credentials(access_key=KEYS.access_key, secret_key=KEYS.secret_key, session_token=token)
    url = f"{origin}{path}?response-content-disposition=attachment%3B%20filename%3D{name}"
    ours = presign(url=url, region="auto", service="s3", expires_in=3600, credentials=keys, now=datetime.now(UTC))
    sent = dict(parse_qsl(urlsplit(ours).query, keep_blank_values=True))
    moment = datetime.strptime(sent["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    request = AWSRequest(method="GET", url=url)
    with patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None)):
        given_keys = BotocoreCredentials(keys.access_key, keys.secret_key, keys.session_token)
        S3SigV4QueryAuth(given_keys, "s3", "auto", expires=3600).add_auth(request)
    theirs = dict(parse_qsl(urlsplit(request.url or "").query, keep_blank_values=True))
    assert sent == theirs
