"""Starts a multipart upload in the background while the first bytes come in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from clipferry.errors import StorageError
from clipferry.s3.multipart import Multipart


class BackgroundUpload:
    """`announced` is asked by all workers; the thread that made this one announces the upload before anyone uses it."""

    def __init__(self, multipart: Multipart, content_type: str) -> None:
        self._multipart = multipart
        self._content_type = content_type
        self._thread = threading.Thread(target=self._begin, name="mirror-begin")
        self._owner = threading.get_ident()
        self._upload_id: str | None = None
        self._error: BaseException | None = None
        self.is_announced = False

    def start(self) -> None:
        self._thread.start()

    def upload_id(self, announce: Callable[[str], None]) -> str | None:
        """The upload's id, None while there is none to be used; raises what beginning it raised."""
        if not self.is_announced and threading.get_ident() == self._owner:
            if self._error is not None:
                raise self._error
            if self._upload_id is not None:
                announce(self._upload_id)
                self.is_announced = True
                self._take_strays_back(self._upload_id)
        return self._upload_id if self.is_announced else None

    def ended(self) -> str | None:
        """Waits; the id, announced or not, None if it couldn't be begun."""
        self._thread.join()
        return self._upload_id

    def _take_strays_back(self, upload_id: str) -> None:
        """Announcing has just shown that the file is ours."""
        if self._multipart.may_have_strays:
            with suppress(StorageError):
                self._multipart.abort_others(upload_id)

    def _begin(self) -> None:
        try:
            self._upload_id = self._multipart.begin(self._content_type)
        except BaseException as error:  # noqa: BLE001 (raised again in the owner's thread)
            self._error = error
