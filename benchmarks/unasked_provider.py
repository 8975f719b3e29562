"""Creates a video without asking a provider: what comes before that is measured, or prepared, alone."""

from __future__ import annotations

from clipferry.db.connection import Database
from clipferry.models import Credential, Order, Submission, TaskReport
from clipferry.polling import Polling
from clipferry.providers.base import CallbackHint, Provider
from clipferry.usecases.create_video import VideoRequest, create_video


def create_unasked(
    request: VideoRequest,
    *,
    provider: str,
    credential: Credential,
    database: Database,
    max_concurrent: int,
    polling: Polling,
    idempotency_key: str | None = None,
) -> Order:
    """The video and its hold, up to where the provider would be asked; returns what it would be sent."""
    try:
        create_video(
            request,
            credential=credential,
            idempotency_key=idempotency_key,
            database=database,
            providers={provider: UnaskedProvider(provider)},
            preferred_provider=provider,
            sign_callback=lambda *_: "",
            max_concurrent=max_concurrent,
            polling=polling,
        )
    except WouldAskError as asked:
        return asked.order
    raise AssertionError("a provider was asked")


class WouldAskError(Exception):
    """The provider would be sent `order` now."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.video_uuid)
        self.order = order


class UnaskedProvider(Provider):
    """Raises WouldAskError instead of sending anything."""

    def __init__(self, name: str) -> None:
        self.name = name

    def submit(self, order: Order, **_: object) -> Submission:
        raise WouldAskError(order)

    def ask(self, task_id: str) -> TaskReport:
        raise NotImplementedError

    def read_hint(self, body: bytes) -> CallbackHint:
        raise NotImplementedError
