"""Every read model as it is served, against what the log's events make of it from the first one on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import import_module

import orjson

from cli.opening import Opened
from libs.events.builds import read_builds
from libs.events.envelope import Commit, recorded
from libs.events.ports import Document, Documents, Page
from libs.events.projection import DELETED, Projection, shown
from libs.events.testing import projected

PAGE = 1_000


async def equal_their_rebuild(store: Opened, logs: Mapping[str, Sequence[Commit]]) -> int:
    """Folds the logs through each projection's pure `apply`, and compares by checksum. Returns how many documents there are.
    Raises AssertionError with the read models that differ, and a document of each."""
    documents, wrong = 0, []
    for projection in projections_of(store.service):
        builds = await read_builds(store.documents, projection.name)
        assert builds is not None, f"{store.service} has no {projection.name}"
        served = await _served(store.documents, builds.live.collection)
        rebuilt = _rebuilt(projection, logs)
        documents += len(served)
        if checksum(served) != checksum(rebuilt):
            wrong.append(_difference(f"{store.service}/{projection.name}", served, rebuilt))
    assert not wrong, "\n".join(wrong)
    return documents


def projections_of(service: str) -> tuple[Projection, ...]:
    found: tuple[Projection, ...] = import_module(f"services.{service}.projections").PROJECTIONS
    return found


def checksum(documents: Mapping[str, Document]) -> str:
    """The same for the same documents, in whatever order they and their fields come."""
    return hashlib.sha256(orjson.dumps(documents, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def _served(documents: Documents, collection: str) -> dict[str, Document]:
    served: dict[str, Document] = {}
    last: tuple[str, ...] | None = None
    while page := await documents.find(collection, {DELETED: None}, Page(after=last, limit=PAGE)):
        served |= {stored.id: shown(stored.body) for stored in page}
        last = (page[-1].id,)
    return served


def _rebuilt(projection: Projection, logs: Mapping[str, Sequence[Commit]]) -> dict[str, Document]:
    events = [event for source in sorted(projection.sources()) for commit in logs[source] for event in recorded(commit, source)]
    return projected(projection, *(event for event in events if isinstance(event.data, projection.of)))


def _difference(name: str, served: Mapping[str, Document], rebuilt: Mapping[str, Document]) -> str:
    differing = [id_ for id_ in sorted({*served, *rebuilt}) if served.get(id_) != rebuilt.get(id_)]
    first = differing[0] if differing else ""
    return f"{name} differs in {len(differing)} documents, e.g. {first}: {served.get(first)}, rebuilt {rebuilt.get(first)}"
