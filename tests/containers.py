"""Kafka and MongoDB of the images that compose.yaml runs, where a container engine answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.local.embedded import free_port
from tests.contract.manifests import compose


@contextmanager
def official_kafka() -> Iterator[str]:
    """Bootstrap servers."""
    _needs_engine()
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    port, body = free_port(), compose()["services"]["kafka"]
    container = DockerContainer(body["image"]).with_bind_ports(9092, port)
    environment = {name: str(value) for name, value in body["environment"].items()}
    environment["KAFKA_ADVERTISED_LISTENERS"] = f"PLAINTEXT://localhost:{port}"
    for name, value in environment.items():
        container.with_env(name, value)
    with container:
        wait_for_logs(container, "Kafka Server started", timeout=90)
        yield f"localhost:{port}"


@contextmanager
def official_mongo() -> Iterator[str]:
    """URL."""
    _needs_engine()
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    container = DockerContainer(compose()["services"]["mongo"]["image"]).with_exposed_ports(27017)
    with container:
        wait_for_logs(container, "Waiting for connections", timeout=90)
        yield f"mongodb://{container.get_container_host_ip()}:{container.get_exposed_port(27017)}"


def _needs_engine() -> None:
    """Skips where none answers."""
    import docker
    from docker.errors import DockerException

    try:
        docker.from_env(timeout=5).ping()
    except DockerException as error:
        pytest.skip(f"no container engine answers: {error}")
