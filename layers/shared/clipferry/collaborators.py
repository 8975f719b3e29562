"""All that is made of one version of the settings, each on first use: providers, storage, queue, connections.

When the settings have changed, another set takes its place, and this one is closed when nobody uses it any more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clipferry import catalog as catalogs
from clipferry.credentials import AuthRules
from clipferry.db.connection import Database
from clipferry.https import HttpClient
from clipferry.mirror_queue import MirrorQueue
from clipferry.providers.base import Provider
from clipferry.settings import Settings
from clipferry.sigv4 import Credentials
from clipferry.timing import Timing

if TYPE_CHECKING:
    from pydantic import SecretStr

    from clipferry.storage import Storage

CHORE_SECONDS: Final = 240
"""What one statement of the daily chores may take: verify reads every row of the books."""


class Collaborators:
    """Of `settings`. `credentials` are the role's; `new_database_url` gives the one that has replaced a refused one."""

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
        self._of_thread = threading.local()
        self._databases: list[Database] = []
        self._clients: list[HttpClient] = []

    def database(self) -> Database:
        """This thread's warm connection: a Lambda has one for its calls, the local stack has many."""
        if not hasattr(self._of_thread, "database"):
            self._of_thread.database = self.new_database(self.settings.database_statement_timeout_seconds)
            self._databases.append(self._of_thread.database)
        return self._of_thread.database

    @contextmanager
    def databases(self, number: int) -> Iterator[list[Database]]:
        """For as many threads: this one's warm connection, and others that end with the block.

        None opens before it is used.
        """
        with ExitStack() as ending:
            others = [self.new_database(self.settings.database_statement_timeout_seconds) for _ in range(number - 1)]
            for other in others:
                ending.enter_context(closing(other))
            yield [self.database(), *others]

    def new_database(self, statement_timeout: int = CHORE_SECONDS) -> Database:
        """One more, which the caller closes; by default for chores, whose statements read everything."""
        return Database(
            self.settings.database_url.get_secret_value(),
            connect_timeout=self.settings.database_connect_timeout_seconds,
            statement_timeout=statement_timeout,
            new_url=self._new_database_url,
        )

    @cached_property
    def catalog(self) -> catalogs.Catalog:
        """The layer's models, or the owner's own file."""
        own = self.settings.models_file
        return catalogs.load(Path(own)) if own else catalogs.load()

    @cached_property
    def providers(self) -> Mapping[str, Provider]:
        """Those that have a key, by name. A new provider is a line here."""
        from clipferry.providers.evolink import Evolink
        from clipferry.providers.kie import Kie
        from clipferry.providers.replicate import Replicate
        from clipferry.providers.transport import JsonApi

        values = self.settings

        def api(base_url: str, key: SecretStr) -> JsonApi:
            return JsonApi(self._client(base_url), key.get_secret_value())

        ready: dict[str, Provider] = {}
        if key := values.evolink_api_key:
            ready["evolink"] = Evolink(api(values.evolink_base_url, key))
        if key := values.kie_api_key:
            signing = values.kie_webhook_hmac_key
            ready["kie"] = Kie(
                api(values.kie_base_url, key),
                webhook_key=signing.get_secret_value() if signing else None,
                tolerance_seconds=values.kie_webhook_tolerance_seconds,
            )
        if key := values.replicate_api_key:
            ready["replicate"] = Replicate(
                api(values.replicate_base_url, key), webhook_secrets=values.replicate_webhook_secrets
            )
        return ready

    @cached_property
    def mirror_queue(self) -> MirrorQueue:
        values = self.settings
        return MirrorQueue(
            values.mirror_queue_url,
            region=values.aws_region,
            endpoint_url=values.aws_endpoint_url_sqs,
            credentials=self._credentials,
        )

    @cached_property
    def storage(self) -> Storage:
        from clipferry.pace import owned_cpus
        from clipferry.storage import Storage
        from clipferry.transfer import Plan

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
            plan=Plan(cpus=owned_cpus(os.environ), content_md5=values.storage_content_md5),
        )

    @cached_property
    def auth_rules(self) -> AuthRules:
        secret = self.settings.better_auth_secret
        return AuthRules(
            better_auth_secret=secret.get_secret_value() if secret else None,
            allowed_origins=self.settings.allowed_origins,
        )

    @cached_property
    def timing(self) -> Timing:
        values = self.settings
        return Timing(
            submit_deadline_seconds=values.submit_deadline_seconds,
            generation_deadline_seconds=values.generation_deadline_seconds,
            upload_deadline_seconds=values.upload_deadline_seconds,
            reconcile_interval_seconds=values.reconcile_interval_seconds,
            status_refresh_seconds=values.status_refresh_seconds,
        )

    def close(self) -> None:
        """Every connection that was opened; what is used once more opens its own again."""
        made = vars(self)
        for closable in (*self._databases, *self._clients):
            closable.close()
        for name in ("mirror_queue", "storage"):
            if name in made:
                made[name].close()

    def _client(self, base_url: str) -> HttpClient:
        client = HttpClient(base_url, allow_plain_http=self.settings.allow_loopback)
        self._clients.append(client)
        return client
