"""What the operator's commands talk to: SQS with a queue and its dead-letter queue, and an API that refuses."""

from __future__ import annotations

import json
from typing import Any

from local.r2.server import FakeR2
from local.sam_template.environment import without_proxy
from tests.web import Web

SECRET = "0123456789abcdef" * 4
REFUSED = json.dumps({"success": False, "error": {"code": "INVALID_SIGNATURE", "message": "…"}}).encode()


class Sqs:
    """An SQS with a mirror queue and its dead-letter queue."""

    def __init__(self, endpoint: str, client: Any) -> None:
        self.endpoint = endpoint
        self.client = client
        self.queue_url = self.dead_letters_url = ""

    @property
    def settings(self) -> dict[str, str]:
        """What leads a command to the mirror queue."""
        return {
            "MIRROR_QUEUE_URL": self.queue_url,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_SQS": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "",
        }

    def renew(self, *, with_dead_letters: bool = True) -> None:
        """Replaces both queues by empty ones."""
        for url in (self.queue_url, self.dead_letters_url):
            if url:
                self.client.delete_queue(QueueUrl=url)
        self.dead_letters_url = self.client.create_queue(QueueName="letters")["QueueUrl"]
        arn = self.client.get_queue_attributes(QueueUrl=self.dead_letters_url, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 5}
        attributes = {"RedrivePolicy": json.dumps(policy)} if with_dead_letters else {}
        self.queue_url = self.client.create_queue(QueueName="mirror", Attributes=attributes)["QueueUrl"]

    def add_dead_letters(self, *bodies: str, **attributes: str) -> None:
        """Puts messages into the dead-letter queue."""
        named = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        for body in bodies:
            self.client.send_message(QueueUrl=self.dead_letters_url, MessageBody=body, MessageAttributes=named)

    def receive_all(self, url: str) -> list[dict[str, Any]]:
        """Receives all visible messages."""
        found: list[dict[str, Any]] = []
        while batch := self.client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found += batch
        return found

    def videos(self, url: str) -> list[str]:
        """Receives all visible messages, and returns their videos."""
        return sorted(json.loads(message["Body"])["videoUuid"] for message in self.receive_all(url))


def bucket_settings(r2: FakeR2, public: str = "https://cdn.example.com") -> dict[str, str]:
    """What leads a command to the bucket; `public` is its domain."""
    return {
        "STORAGE_ENDPOINT": r2.url,
        "STORAGE_ACCESS_KEY": r2.access_key,
        "STORAGE_SECRET_KEY": r2.secret_key,
        "STORAGE_BUCKET": r2.name,
        "STORAGE_DOMAIN": public,
    }


def settings(*, database_url: str, r2: FakeR2, queues: Sqs, callback: Web, public: str) -> dict[str, str]:
    """Every setting that the commands need, all of them valid."""
    return {
        **without_proxy(),
        "STAGE": "local",
        "ALLOW_LOOPBACK": "true",
        "DATABASE_URL": database_url,
        "DATABASE_DIRECT_URL": "",
        **bucket_settings(r2, public),
        "EVOLINK_API_KEY": "sk-test-evolink",
        "EVOLINK_BASE_URL": callback.url,
        "KIE_API_KEY": "",
        "REPLICATE_API_KEY": "",
        "AI_CALLBACK_URL": f"{callback.url}/api/v1/video/callback",
        "CALLBACK_HMAC_SECRET": SECRET,
        "CALLBACK_HMAC_SECRET_PREVIOUS": "",
        "BETTER_AUTH_SECRET": "",
        "ALLOWED_ORIGINS": "",
        **queues.settings,
        "SECRETS_ARN": "",
    }
