"""Smoke test of a deployed API, which changes nothing: it is healthy, refuses strangers, and accepts an API key.

python tools/smoke.py https://API_ID.execute-api.REGION.amazonaws.com

With CLIPFERRY_API_KEY, a key from `clipferry keys create`, it also presigns an upload. Exit status 1 when a check
fails. It needs nothing but Python.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

PROVIDERS = ("evolink", "kie", "replicate", "fal")
"""Those that Clipferry ships (`clipferry.providers.registry`; this script needs nothing but Python)."""
SECONDS = 30
PRESIGN = {"filename": "smoke.png", "contentType": "image/png", "contentLength": 1024}

Call = Callable[..., tuple[int, Any]]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, as providers don't: a URL that redirects is the wrong one."""

    def redirect_request(self, *_: Any) -> None:
        return None


def caller(base_url: str) -> Call:
    """Returns `call(method, path, body, key)`, which returns the status (0 without an answer) and the JSON or text."""
    opener = urllib.request.build_opener(_NoRedirects)

    def call(method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(base_url.rstrip("/") + path, data, headers, method=method)  # noqa: S310
        try:
            with opener.open(request, timeout=SECONDS) as answer:
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _read(error.read())
        except (OSError, ValueError) as error:
            return 0, f"{type(error).__name__}: {error}"

    return call


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body[:200].decode(errors="replace")


def checks(call: Call, key: str | None) -> Iterator[tuple[str, bool, str]]:
    """Runs the checks, and yields each one's name, whether it passed, and the answer."""
    status, answer = call("GET", "/api/v1/health")
    yield "health", (status, _field(answer, "data", "status")) == (200, "ok"), f"{status} {answer}"
    status, answer = _unsigned_callback(call)
    yield "an unsigned callback is refused", _is_refusal(status, answer), f"{status} {answer}"
    status, answer = call("POST", "/api/v1/upload/presign", PRESIGN)
    yield "an upload without a key is refused", _is_refusal(status, answer), f"{status} {answer}"
    if key:
        status, answer = call("POST", "/api/v1/upload/presign", PRESIGN, key)
        is_given = status == 200 and bool(_field(answer, "data", "uploadUrl"))
        code = _field(answer, "error", "code")  # and not the whole answer, because the URL is a secret
        yield "an upload with a key is presigned", is_given, f"{status} {code}"


def _field(answer: Any, *path: str) -> Any:
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def _is_refusal(status: int, answer: Any) -> bool:
    """Whether the answer is Clipferry's own 401, in its envelope, and not that of something in front of it."""
    return status == 401 and _field(answer, "success") is False


def _unsigned_callback(call: Call) -> tuple[int, Any]:
    """Sends an unsigned callback for each provider until one is configured; others are answered with 400."""
    answers = []
    for provider in PROVIDERS:
        path = f"/api/v1/video/callback/{provider}?videoUuid=vid_smoke&ts={int(time.time())}&sig={'0' * 64}"
        answers.append(call("POST", path, {}))
        if answers[-1][0] == 401:
            break
    return answers[-1]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="the output ApiUrl of the stack, or AwsUrl while its domain isn't up yet")
    url = parser.parse_args(arguments).url
    all_passed = True
    for name, passed, answer in checks(caller(url), os.environ.get("CLIPFERRY_API_KEY")):
        all_passed = all_passed and passed
        print(f"  {'ok    ' if passed else 'FAILED'}  {name}" + ("" if passed else f": {answer}"))  # noqa: T201
    return 0 if all_passed else 1


if __name__ == "__main__":
    sys.exit(main())
