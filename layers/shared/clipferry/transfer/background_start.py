"""Creates a multipart upload in the background while the first bytes come in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from clipferry.errors import StorageError
from clipferry.s3.multipart import Multipart


class BackgroundUpload:
    """An upload that a thread of its own creates.

    All workers ask for its id. They get it once the thread that made this object has recorded it: an upload that is in
    nobody's records must not be used.
    """

    def __init__(self, multipart: Multipart, headers: Mapping[str, str]) -> None:
        self._multipart = multipart
        self._headers = headers
        self._thread = threading.Thread(target=self._create, name="mirror-create")
        self._owner = threading.get_ident()
        self._upload_id: str | None = None
        self._error: BaseException | None = None
        self.is_recorded = False

    def start(self) -> None:
        self._thread.start()

    def upload_id(self, record: Callable[[str], None]) -> str | None:
        """Returns the upload's id, None until it is recorded.

        Raises in the owner's thread what creating it raised, and what `record` raises.
        """
        if not self.is_recorded and threading.get_ident() == self._owner:
            if self._error is not None:
                raise self._error
            if self._upload_id is not None:
                record(self._upload_id)
                self.is_recorded = True
                self._abort_lost_uploads(self._upload_id)
        return self._upload_id if self.is_recorded else None

    def wait(self) -> str | None:
        """Waits for the thread; returns the id, recorded or not, None when the upload couldn't be created."""
        self._thread.join()
        return self._upload_id

    def _abort_lost_uploads(self, upload_id: str) -> None:
        """Recording the id has just shown that we hold the lease, so all other uploads to the key may go."""
        if self._multipart.may_have_lost_uploads:
            with suppress(StorageError):
                self._multipart.abort_others(upload_id)

    def _create(self) -> None:
        try:
            self._upload_id = self._multipart.create(self._headers)
        except BaseException as error:  # noqa: BLE001 (raised again in the owner's thread)
            self._error = error
