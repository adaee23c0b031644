"""OpenSearch, where there is one: no test starts it."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime

import httpx
import pytest

from libs.events.memory import ManualClock
from libs.events.testing import AT
from services.discovery.index.opensearch_index import OpenSearchCreatorIndex

Connect = Callable[..., OpenSearchCreatorIndex]


@pytest.fixture(scope="session")
def opensearch_url() -> str:
    url = os.environ.get("OPENSEARCH_URL")
    if not url:
        pytest.skip("needs an OpenSearch server: OPENSEARCH_URL names none")
    try:
        httpx.get(url, timeout=5).raise_for_status()
    except httpx.HTTPError as failure:
        pytest.skip(f"no OpenSearch answers at OPENSEARCH_URL: {type(failure).__name__}")
    return url


@pytest.fixture
def opensearch_name(opensearch_url: str) -> Iterator[str]:
    """Indexes that no other test knows, removed afterwards."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    with httpx.Client(base_url=opensearch_url, timeout=60) as http:
        for index in http.get(f"/{name}-v*").json():
            http.delete(f"/{index}").raise_for_status()


@pytest.fixture
def connect(opensearch_url: str, opensearch_name: str) -> Connect:
    """Connects a replica to the test's indexes."""

    def connect(version: int = 1, at: datetime = AT) -> OpenSearchCreatorIndex:
        return OpenSearchCreatorIndex(opensearch_url, version, ManualClock(at), name=opensearch_name)

    return connect


@pytest.fixture
async def opensearch(connect: Connect) -> AsyncIterator[Connect]:
    """The same; connections are closed when the test is over."""
    connected: list[OpenSearchCreatorIndex] = []

    def connect_until_then(version: int = 1, at: datetime = AT) -> OpenSearchCreatorIndex:
        connected.append(connect(version, at))
        return connected[-1]

    yield connect_until_then
    for one in connected:
        await one.close()
