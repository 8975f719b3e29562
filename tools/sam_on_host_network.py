"""SAM CLI, with its containers on the host's network: what a function finds at 127.0.0.1 is what listens there.

SAM CLI takes `--docker-network host` and ignores it (https://github.com/aws/aws-sam-cli/pull/7278 would have mended
that). Run it with the Python of SAM's own environment, and with SAM's own arguments: `local invoke …`.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from docker.models.containers import Container, ContainerCollection
from samcli.cli.main import cli

EMULATOR_PORT = "8080"
"""Where SAM expects Lambda's emulator inside the container; `ports` maps it to the port that SAM then calls."""

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
    """Docker's `create`, without port mappings: the emulator listens where SAM will call it.

    The runtime API behind it is at port 9001 by default, which two warm containers can't share.
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
