"""Tries a deployed Clipferry out over HTTPS, changing nothing: it is there, it is locked, and it opens for a key.

python tools/smoke.py https://API_ID.execute-api.REGION.amazonaws.com

With CLIPFERRY_API_KEY, a key of `clipferry keys create`, an upload is presigned, too. Exit status 1 when a check fails.
It needs nothing but Python.
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

PROVIDERS = ("evolink", "kie", "replicate")
SECONDS = 30
PRESIGN = {"filename": "smoke.png", "contentType": "image/png", "contentLength": 1024}

Call = Callable[..., tuple[int, Any]]


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A provider follows no redirect, so an address that redirects is the wrong one."""

    def redirect_request(self, *_: Any) -> None:
        return None


def caller(base_url: str) -> Call:
    """`call(method, path, body, key)` gives the status, 0 for no answer, and the JSON of the answer, or its text."""
    opener = urllib.request.build_opener(_StayHere)

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
    """Each check: what it is about, whether it is well, what was answered."""
    status, answer = call("GET", "/api/v1/health")
    yield "health", (status, _field(answer, "data", "status")) == (200, "ok"), f"{status} {answer}"
    status, answer = _unsigned_callback(call)
    yield "an unsigned callback is refused", _is_refusal(status, answer), f"{status} {answer}"
    status, answer = call("POST", "/api/v1/upload/presign", PRESIGN)
    yield "nobody gets an upload without a key", _is_refusal(status, answer), f"{status} {answer}"
    if key:
        status, answer = call("POST", "/api/v1/upload/presign", PRESIGN, key)
        is_given = status == 200 and bool(_field(answer, "data", "uploadUrl"))
        yield "a key gets an upload", is_given, f"{status} {_field(answer, 'error', 'code')}"  # the URL is a secret


def _field(answer: Any, *path: str) -> Any:
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def _is_refusal(status: int, answer: Any) -> bool:
    """By Clipferry, in its envelope: what stands in front of it says 401, too."""
    return status == 401 and _field(answer, "success") is False


def _unsigned_callback(call: Call) -> tuple[int, Any]:
    """To the first provider that is set up: an unknown one is answered 400."""
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
    well = True
    for what, is_well, answered in checks(caller(url), os.environ.get("CLIPFERRY_API_KEY")):
        well = well and is_well
        print(f"  {'ok    ' if is_well else 'FAILED'}  {what}" + ("" if is_well else f": {answered}"))  # noqa: T201
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
