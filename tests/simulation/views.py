"""Read models are what their events make of them: each document that was written since the last look, as far as its marks say
that it has come, and all of them in the end."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.events.builds import read_builds
from libs.events.envelope import Commit, Recorded
from libs.events.ports import Document
from libs.events.projection import DELETED, MARKS, Projection, shown
from libs.events.registry import registry
from services.discovery.directory import LISTED, entry
from tests.simulation.broken import Broken, hold
from tests.simulation.database import BUILD
from tests.simulation.marketplace import SERVICES, Marketplace, projections_of


@dataclass
class Views:
    """The events of each document, as they come."""

    marketplace: Marketplace
    events: defaultdict[tuple[str, str], dict[str, list[Recorded[Any]]]] = field(default_factory=lambda: defaultdict(dict))
    """(service, projection) -> id of a document -> what it is made of."""

    def learn(self, service: str, commits: list[Commit]) -> None:
        for event in recorded(service, commits):
            for owner in SERVICES:
                for projection in projections_of(owner):
                    if isinstance(event.data, projection.of) and (key := projection.key(event)) is not None:
                        self.events[owner, projection.name].setdefault(key, []).append(event)

    def judge(self) -> None:
        """What was written since the last look, in all builds of a read model."""
        for owner in SERVICES:
            database = self.marketplace.databases[owner]
            by_name = {projection.name: projection for projection in projections_of(owner)}
            for collection, id_ in dict.fromkeys(database.written):
                projection = by_name.get(collection.partition(BUILD)[0])
                found = database.one(collection, id_)
                if projection is not None and found is not None:
                    self._is_as_far(owner, projection, found)
            database.written.clear()

    def _is_as_far(self, owner: str, projection: Projection, found: Document) -> None:
        marks = found[MARKS]
        document: Document | None = None
        for event in self.events[owner, projection.name].get(found["_id"], ()):
            if event.version <= marks.get(f"{event.source}/{event.stream}", 0):
                document = projection.apply(document or {}, event)
        told = f"{owner}.{projection.name} {found['_id']} at {marks}"
        if document is None:
            hold("view = fold(log)", found.get(DELETED), f"{told} is there")
        else:
            _is_the_same(told, shown(found), document)


async def all_are_folds(marketplace: Marketplace, commits: Mapping[str, list[Commit]]) -> int:
    """Every document of every live read model is what its events make it, in whatever order their streams are read. Returns
    how many documents there are."""
    chance, documents = marketplace.chance("rebuild"), 0
    events = _shuffled({name: list(recorded(name, commits[name])) for name in SERVICES}, chance)
    for name in SERVICES:
        for projection in projections_of(name):
            builds = await read_builds(marketplace.documents[name], projection.name)
            assert builds is not None
            stored = {one["_id"]: one for one in marketplace.databases[name].stored(builds.live.collection)}
            _is_fold(f"{name}.{projection.name}", stored, _folded(projection, events))
            documents += len(stored)
    return documents + _directories_are_folds(marketplace, list(recorded("discovery", commits["discovery"])))


def _directories_are_folds(marketplace: Marketplace, events: list[Recorded[Any]]) -> int:
    """Each replica that answers has come to the same directory."""
    folded: dict[str, Document] = {}
    for event in events:
        if isinstance(event.data, LISTED):
            folded[event.data.creator_id] = entry(folded.get(event.data.creator_id) or {}, event) or {}
    folded = {creator: listed for creator, listed in folded.items() if listed}
    for name, disk in marketplace.disks.items():
        if marketplace.replicas[name].role in ("api", "all"):
            _is_fold(f"{name}'s directory", {**disk.entries}, folded, as_it_is=True)
    return len(folded)


def _is_fold(name: str, stored: dict[str, Document], folded: Mapping[str, Document | None], *, as_it_is: bool = False) -> None:
    """`as_it_is`: without the marks of a projection."""
    kept = stored if as_it_is else {id_: shown(body) for id_, body in stored.items() if not body.get(DELETED)}
    wanted = {id_: body for id_, body in folded.items() if body is not None}
    hold("view = fold(log)", kept.keys() == wanted.keys(), f"{name}: {sorted(kept.keys() ^ wanted.keys())[:5]}")
    for id_, body in wanted.items():
        _is_the_same(f"{name} {id_} at {stored[id_].get(MARKS)}", kept[id_], body)


def _is_the_same(name: str, stored: Document, folded: Document) -> None:
    if stored != folded:
        both = {key: (stored.get(key), folded.get(key)) for key in sorted({*stored, *folded})}
        differing = {key: two for key, two in both.items() if two[0] != two[1]}
        raise Broken("view = fold(log)", f"{name}: stored, folded: {differing}")


def _folded(projection: Projection, events: list[Recorded[Any]]) -> dict[str, Document | None]:
    folded: dict[str, Document | None] = {}
    for event in events:
        if isinstance(event.data, projection.of) and (key := projection.key(event)) is not None:
            folded[key] = projection.apply(folded.get(key) or {}, event)
    return folded


def recorded(service: str, commits: list[Commit]) -> Iterator[Recorded[Any]]:
    for commit in commits:
        for index, event in enumerate(commit.events):
            data = registry.decode(event.type, event.v, event.data)
            place = (event.id, commit.stream, commit.first + index, commit.position, commit.at, service, commit.meta)
            yield Recorded(data, *place)


def _shuffled(events: dict[str, list[Recorded[Any]]], chance: random.Random) -> list[Recorded[Any]]:
    """Streams in order, and shuffled among each other."""
    streams: dict[str, list[Recorded[Any]]] = {}
    for of_service in events.values():
        for event in of_service:
            streams.setdefault(event.stream, []).append(event)
    order = [stream for stream, its in streams.items() for _ in its]
    chance.shuffle(order)
    taken: Counter[str] = Counter()
    shuffled = []
    for stream in order:
        shuffled.append(streams[stream][taken[stream]])
        taken[stream] += 1
    return shuffled
