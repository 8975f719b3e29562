"""The composition root: everything that is made from one version of the settings, each on first use.

A Lambda has one call at a time, so nothing here is locked or counted. When the settings change, `runtime` closes these
dependencies and makes others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from clipferry import callback_signature, catalog
from clipferry.api.credentials import AuthRules
from clipferry.aws.sigv4 import Credentials
from clipferry.aws.sqs import SqsQueue
from clipferry.db.connection import Database
from clipferry.errors import ConfigurationError
from clipferry.files.links import FileLinks
from clipferry.mirror_queue import MirrorQueue
from clipferry.net.http_client import HttpClient
from clipferry.polling import Polling
from clipferry.providers.base import Provider
from clipferry.settings import Settings
from clipferry.webhooks.queue import WebhookQueue

if TYPE_CHECKING:
    from clipferry.net.guarded_post import PostAnswer
    from clipferry.storage import Storage
    from clipferry.usecases.advance_video import AdvanceContext

Queue = TypeVar("Queue", bound=SqsQueue)
MAINTENANCE_SECONDS: Final = 240
"""Time-out of one statement of the daily tasks: verifying the credits reads each of their rows."""


class Dependencies:
    """Everything that a handler passes on to a use case. `close` ends every connection that was opened.

    `credentials` returns those of the function's role. `new_database_url` takes a URL that the database refused and
    returns the one that has replaced it, or None.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        credentials: Callable[[], Credentials],
        new_database_url: Callable[[str], str | None],
    ) -> None:
        self.settings = settings
        self._credentials = credentials
        self._new_database_url = new_database_url
        self._clients: list[HttpClient] = []

    @cached_property
    def database(self) -> Database:
        """The warm connection."""
        return self._new_database(self.settings.database_statement_timeout_seconds)

    @contextmanager
    def databases(self, number: int) -> Iterator[list[Database]]:
        """One database for each of `number` threads: the warm connection, and others that close with the block.

        A connection opens when it is first used.
        """
        with ExitStack() as ending:
            seconds = self.settings.database_statement_timeout_seconds
            others = [ending.enter_context(closing(self._new_database(seconds))) for _ in range(number - 1)]
            yield [self.database, *others]

    def maintenance_database(self) -> Database:
        """A connection for the daily tasks, whose statements may take longer; the caller closes it."""
        return self._new_database(MAINTENANCE_SECONDS)

    @cached_property
    def catalog(self) -> catalog.Catalog:
        """The layer's models, or those of the owner's own file, as far as a provider with a key makes them."""
        own = self.settings.models_file
        return (catalog.load(Path(own)) if own else catalog.load()).made_by(self.providers)

    @cached_property
    def providers(self) -> Mapping[str, Provider]:
        """The providers that have a key, by name; `providers.registry` has them all."""
        from clipferry.providers import registry
        from clipferry.providers.transport import JsonApi

        return registry.ready(
            lambda name: getattr(self.settings, name),
            self.settings.gateways,
            connect=lambda base_url, key, scheme: JsonApi(self._client(base_url), key, scheme=scheme),
            offered=lambda name: self.catalog.models_of(name),  # noqa: PLW0108 - read when asked, which few do
        )

    @cached_property
    def mirror_queue(self) -> MirrorQueue:
        return self._queue(MirrorQueue, self.settings.mirror_queue_url)

    @cached_property
    def webhook_queue(self) -> WebhookQueue:
        """Raises ConfigurationError without WEBHOOK_QUEUE_URL."""
        if self.settings.webhook_queue_url is None:
            raise ConfigurationError("WEBHOOK_QUEUE_URL: is required to send webhooks")
        return self._queue(WebhookQueue, self.settings.webhook_queue_url)

    def post_webhook(self, url: str, headers: dict[str, str], body: bytes) -> PostAnswer:
        """Posts to an endpoint on a public address; raises NetworkError."""
        from clipferry.net.guarded_post import post
        from clipferry.net.safe_get import Rules

        return post(url, headers=headers, body=body, rules=Rules(allow_loopback=self.settings.allow_loopback))

    @cached_property
    def file_links(self) -> FileLinks:
        values = self.settings
        return FileLinks(
            endpoint=values.storage_endpoint,
            region=values.storage_region,
            bucket=values.storage_bucket,
            public_domain=values.storage_domain,
            credentials=Credentials(
                access_key=values.storage_access_key.get_secret_value(),
                secret_key=values.storage_secret_key.get_secret_value(),
            ),
            is_private=values.storage_private,
            seconds=values.storage_url_seconds,
        )

    @cached_property
    def storage(self) -> Storage:
        from clipferry.storage import Storage
        from clipferry.transfer.bottleneck import owned_cpus
        from clipferry.transfer.interface import TransferConfig

        values = self.settings
        return Storage(
            endpoint=values.storage_endpoint,
            region=values.storage_region,
            access_key=values.storage_access_key.get_secret_value(),
            secret_key=values.storage_secret_key.get_secret_value(),
            bucket=values.storage_bucket,
            public_domain=values.storage_domain,
            allowed_hosts=values.remote_asset_allowed_hosts,
            allow_loopback=values.allow_loopback,
            source_keys=values.source_keys,
            config=TransferConfig(cpus=owned_cpus(os.environ), content_md5=values.storage_content_md5),
        )

    @cached_property
    def auth_rules(self) -> AuthRules:
        secret = self.settings.better_auth_secret
        return AuthRules(
            better_auth_secret=secret.get_secret_value() if secret else None,
            allowed_origins=self.settings.allowed_origins,
            cookie_prefix=self.settings.better_auth_cookie_prefix,
            plain_cookies=self.settings.stage == "local",
        )

    @cached_property
    def polling(self) -> Polling:
        values = self.settings
        return Polling(
            submit_deadline_seconds=values.submit_deadline_seconds,
            generation_deadline_seconds=values.generation_deadline_seconds,
            upload_deadline_seconds=values.upload_deadline_seconds,
            reconcile_interval_seconds=values.reconcile_interval_seconds,
            status_refresh_seconds=values.status_refresh_seconds,
        )

    @cached_property
    def advance_context(self) -> AdvanceContext:
        from clipferry.usecases.advance_video import AdvanceContext

        return AdvanceContext(providers=self.providers, queue=self.mirror_queue, polling=self.polling)

    def check_source(self, url: str) -> None:
        """Raises SourceGoneError when a provider's file is no longer there; doesn't read the file."""
        from clipferry.net.safe_get import Rules, check_source

        values = self.settings
        hosts, keys = values.remote_asset_allowed_hosts, values.source_keys
        check_source(url, rules=Rules(allowed_hosts=hosts, allow_loopback=values.allow_loopback, keys=keys))

    def sign_callback(self, default_base_url: str) -> Callable[[str, str], str]:
        """Returns a function that makes the callback URL for (provider, video uuid), signed at the moment of the call.

        The URL is under AI_CALLBACK_URL, or under `default_base_url` where that isn't set.
        """
        base_url, secret = self.settings.ai_callback_url or default_base_url, self.settings.callback_secrets[0]
        return lambda provider, video_uuid: callback_signature.callback_url(
            base_url, provider=provider, video_uuid=video_uuid, secret=secret, now=datetime.now(UTC)
        )

    def close(self) -> None:
        """Closes every connection; a later use opens a new one."""
        made = vars(self)
        for client in self._clients:
            client.close()
        for name in ("database", "mirror_queue", "webhook_queue", "storage"):
            if name in made:
                made[name].close()

    def _client(self, base_url: str) -> HttpClient:
        client = HttpClient(base_url, allow_plain_http=self.settings.allow_loopback)
        self._clients.append(client)
        return client

    def _new_database(self, statement_timeout: int) -> Database:
        return Database(
            self.settings.database_url.get_secret_value(),
            connect_timeout=self.settings.database_connect_timeout_seconds,
            statement_timeout=statement_timeout,
            new_url=self._new_database_url,
            announce=self._announce if self.settings.webhook_queue_url else None,
        )

    def _announce(self, delivery_ids: list[int]) -> None:
        self.webhook_queue.announce(delivery_ids)

    def _queue(self, kind: type[Queue], url: str) -> Queue:
        values = self.settings
        return kind(
            url, region=values.aws_region, endpoint_url=values.aws_endpoint_url_sqs, credentials=self._credentials
        )
