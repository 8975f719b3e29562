"""SAM CLI with its containers on the host's network, so that a function reaches the host's servers at 127.0.0.1.

SAM CLI accepts `--docker-network host` and ignores it (https://github.com/aws/aws-sam-cli/pull/7278 would have fixed
that). Run it with the Python of SAM's environment and with SAM's arguments: `local invoke …`.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from docker.models.containers import Container, ContainerCollection
from samcli.cli.main import cli

EMULATOR_PORT = "8080"
"""The port of Lambda's emulator inside the container; SAM's `ports` maps it to the port that SAM calls."""

_create = ContainerCollection.create


def create_on_host_network(
    containers: ContainerCollection,
    image: str,
    command: Sequence[str] | None = None,
    *,
    ports: Mapping[str, tuple[str, int]],
    entrypoint: Sequence[str],
    **options: Any,
) -> Container:
    """Replaces Docker's `create`: without port mappings, the emulator listens on the port that SAM calls.

    The runtime API gets a free port, because two warm containers can't share its default port, 9001.
    """
    interface, port = ports[EMULATOR_PORT]
    addresses = [
        f"--runtime-interface-emulator-address={interface}:{port}",
        f"--runtime-api-address=127.0.0.1:{free_port()}",
    ]
    return _create(containers, image, command, entrypoint=[*entrypoint, *addresses], network_mode="host", **options)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    ContainerCollection.create = create_on_host_network
    sys.exit(cli(prog_name="sam"))
