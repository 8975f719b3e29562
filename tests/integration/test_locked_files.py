"""A film that its gateway gives only with the key: mirrored in parts, and never with the key to anybody else."""

from __future__ import annotations

import pytest

from clipferry.errors import SourceError
from clipferry.storage import Storage
from clipferry.transfer.interface import TransferConfig
from local.file_server import ServedFile, serve
from local.http.messages import Request, Response
from local.http.server import HttpServer
from tests.integration.mirror_fixtures import KEY, PART, film, strict_r2

AUTHORIZATION = "Bearer sk-hunter2"
WORKERS = 3


@pytest.mark.parametrize("parts", [1, 4])
def test_every_part_of_it_is_fetched_with_the_key(parts: int) -> None:
    content = film(parts * PART)
    asked: list[str | None] = []

    def answer(request: Request) -> Response:
        asked.append(request.headers.get("Authorization"))
        if asked[-1] != AUTHORIZATION:
            return Response(status=401, body=b"{}")
        return serve(ServedFile.of(content, content_type="video/mp4"), method=request.method, headers=request.headers)

    server = HttpServer()
    with server.serving(answer), strict_r2() as r2:
        url = f"{server.url}/v1/videos/task_1/content"
        for keys, is_mirrored in ((None, False), ({f"{server.url}/v1/videos/": AUTHORIZATION}, True)):
            storage = Storage(
                endpoint=r2.url,
                region="auto",
                access_key=r2.access_key,
                secret_key=r2.secret_key,
                bucket=r2.name,
                public_domain=None,
                allow_loopback=True,
                source_keys=keys,
                config=TransferConfig(part_size=PART, workers=WORKERS, cpus=1000.0, single_seconds=0),
            )
            if is_mirrored:
                storage.transfer(source_url=url, key=KEY)
            else:
                with pytest.raises(SourceError, match="status 401"):
                    storage.transfer(source_url=url, key=KEY)
            storage.close()
        assert r2.bucket.objects[KEY].content == content
        assert "hunter2" not in str(r2.bucket.objects[KEY].headers)
    assert set(asked) == {None, AUTHORIZATION}
    assert asked.count(AUTHORIZATION) >= min(parts, WORKERS)
