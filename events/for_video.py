"""Prints an event of this folder for one video; a callback is signed now, because a signature is valid for a day.

python events/for_video.py receive_callback vid_… | sam local invoke ReceiveCallbackFunction --event - …
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from clipferry import callback_signature

EVENTS = Path(__file__).parent


def callback(event: dict[str, Any], *, video_uuid: str, secret: str) -> dict[str, Any]:
    """Makes the event of a callback to a URL that was signed just now."""
    provider = event["pathParameters"]["provider"]
    url = callback_signature.callback_url(
        "https://api.example.com", provider=provider, video_uuid=video_uuid, secret=secret, now=datetime.now(UTC)
    )
    query = urlsplit(url).query
    return event | {"rawQueryString": query, "queryStringParameters": dict(parse_qsl(query))}


def message(event: dict[str, Any], *, video_uuid: str) -> dict[str, Any]:
    """Makes the event of a queue with one message, to mirror this video."""
    body = json.dumps({"videoUuid": video_uuid})
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    return {"Records": [record | {"body": body, "md5OfBody": digest} for record in event["Records"]]}


def callback_secret(settings: Path) -> str:
    """CALLBACK_HMAC_SECRET from the environment, or from the file that the function's settings are in."""
    own = os.environ.get("CALLBACK_HMAC_SECRET")
    return own or json.loads(settings.read_text())["Parameters"]["CALLBACK_HMAC_SECRET"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("event", choices=["receive_callback", "mirror_video"])
    parser.add_argument("video_uuid")
    parser.add_argument(
        "--env", type=Path, default=EVENTS / "env.json", help="the file of settings that `make invoke` gets"
    )
    given = parser.parse_args()
    event = json.loads((EVENTS / f"{given.event}.json").read_text())
    if given.event == "receive_callback":
        event = callback(event, video_uuid=given.video_uuid, secret=callback_secret(given.env))
    else:
        event = message(event, video_uuid=given.video_uuid)
    json.dump(event, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
