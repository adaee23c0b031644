"""Views: how queries read read models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from libs.events.builds import Build, read_builds
from libs.events.cursors import bound_to, read_cursor, write_cursor
from libs.events.decider import Kind, Refusal
from libs.events.envelope import topic
from libs.events.follower import Follower
from libs.events.ports import Clock, Document, Documents, Page, Stored, Where
from libs.events.progress import read_progress
from libs.events.projection import DELETED, Projection, shown

LIVE_FOR = 1.0
"""Seconds for which the live build of a projection is remembered; a replaced collection outlives this by far."""
WAIT_MOST, WAIT_EVERY = 1.0, 0.01
"""Seconds that a query waits for a position, and between two looks."""


class Views(Protocol):
    """The live build of each projection."""

    async def one(self, projection: str, id: str) -> Document | None:
        """The document without the kernel's own fields."""
        ...

    async def page(self, projection: str, where: Where, page: Page, cursor: str = "") -> tuple[list[Document], str]:
        """Documents (each with its `id`) and the cursor of the next page, empty at the end. A cursor is bound to `where` and
        to the page's sort: a malformed or foreign one is refused (INVALID_ARGUMENT, `CURSOR_INVALID`)."""
        ...

    async def count(self, projection: str, where: Where) -> int: ...


class LiveViews:
    """`Views` of a service's projections on its documents."""

    def __init__(
        self, documents: Documents, projections: Iterable[Projection], clock: Clock, followers: Iterable[Follower] = ()
    ) -> None:
        """`followers`: what this process keeps for itself; it can be waited for like a projection."""
        self._documents, self._clock = documents, clock
        self._projections = {one.name: one for one in projections}
        self._followers = {one.name: one for one in followers}
        self._live: dict[str, tuple[float, Build]] = {}

    async def one(self, projection: str, id: str) -> Document | None:
        build = await self._build(projection)
        stored = (await self._documents.get(build.collection, [id])).get(id)
        return None if stored is None or DELETED in stored.body else shown(stored.body)

    async def page(self, projection: str, where: Where, page: Page, cursor: str = "") -> tuple[list[Document], str]:
        build = await self._build(projection)
        bound = bound_to(projection, dict(where), page.sort)
        after = _read(cursor, bound, len(page.sort)) if cursor else page.after
        asked = Page(page.sort, after, page.limit + 1)
        found = await self._documents.find(build.collection, {**where, DELETED: None}, asked)
        kept = found[: page.limit]
        following = write_cursor(bound, _place(page, kept[-1])) if len(found) > page.limit and kept else ""
        return [{"id": stored.id, **shown(stored.body)} for stored in kept], following

    async def count(self, projection: str, where: Where) -> int:
        build = await self._build(projection)
        return await self._documents.count(build.collection, {**where, DELETED: None})

    def check_filled(self, projections: Sequence[str]) -> None:
        """Raises `Refusal` (UNAVAILABLE, `VIEW_NOT_READY`) while this process fills one of these for the first time: half of a
        directory is no answer."""
        for name in projections:
            follower = self._followers.get(name)
            if follower is not None and not follower.caught_up:
                raise _not_ready(name)

    async def wait_for(self, token: str, projections: Sequence[str]) -> None:
        """Returns once each of these read models that reads the token's service has applied its position. Raises `Refusal`:
        a malformed token, or not within a second (UNAVAILABLE, `POSITION_NOT_REACHED`)."""
        service, position, partition = _read_token(token)
        waiting = [name for name in projections if service in self._sources(name)]
        end = self._clock.monotonic() + WAIT_MOST
        while waiting := [name for name in waiting if not await self._reached(name, (topic(service), partition), position)]:
            if self._clock.monotonic() >= end:
                raise Refusal(
                    "POSITION_NOT_REACHED",
                    f"{', '.join(waiting)} has not reached {token} yet: try again shortly",
                    kind=Kind.UNAVAILABLE,
                    projections=waiting,
                )
            await self._clock.sleep(WAIT_EVERY)

    def _sources(self, name: str) -> Collection[str]:
        follower = self._followers.get(name)
        return (follower.service,) if follower else self._projections[name].sources()

    async def _reached(self, name: str, place: tuple[str, int], position: int) -> bool:
        if follower := self._followers.get(name):
            return follower.position >= position
        build = await self._build(name)
        return (await read_progress(self._documents, build.group, [place]))[place].position >= position

    async def _build(self, name: str) -> Build:
        now = self._clock.monotonic()
        kept = self._live.get(name)
        if kept is not None and now - kept[0] < LIVE_FOR:
            return kept[1]
        builds = await read_builds(self._documents, name)
        if builds is None:
            raise _not_ready(name)
        self._live[name] = (now, builds.live)
        return builds.live


def _not_ready(name: str) -> Refusal:
    return Refusal("VIEW_NOT_READY", f"{name} is not built yet: try again shortly", kind=Kind.UNAVAILABLE)


def position_token(service: str, position: int, partition: int) -> str:
    """What a client sends back as `min_position`; opaque to it."""
    return f"{service}.{position}.{partition}"


def _read_token(token: str) -> tuple[str, int, int]:
    service, _, rest = token.partition(".")
    position, _, partition = rest.partition(".")
    if not service or not (position.isdecimal() and partition.isdecimal()) or len(token) > 100:
        raise Refusal(
            "POSITION_INVALID", "not a position that a command answered with", kind=Kind.INVALID_ARGUMENT, field="min_position"
        )
    return service, int(position), int(partition)


def _read(cursor: str, bound: str, sorted_by: int) -> tuple[Any, ...]:
    *values, id_ = read_cursor(cursor, bound, sorted_by + 1)
    return (*values, str(id_))


def _place(page: Page, last: Stored) -> tuple[Any, ...]:
    return (*(_value(last.body, path) for path, _ in page.sort), last.id)


def _value(body: Document, path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
