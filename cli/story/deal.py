"""What the story has come to know, and how it insists that something holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.story.api import Api, Broken, Json, Person, Refused
from cli.story.narrator import Narrator

Pause = Callable[[str], Awaitable[None]]


async def _go_on(chapter: str) -> None:
    """Between chapters nothing happens, unless a test wants it to."""


@dataclass
class Deal:
    """One run of the story."""

    api: Api
    narrator: Narrator
    now: Callable[[], datetime]
    seed: int = 1
    creators: int = 200
    before: Pause = _go_on
    facts: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    operator: Person = field(init=False)
    brand: Person = field(init=False)
    joined: dict[str, Json] = field(default_factory=dict)
    """Creators that were let in: id -> application."""

    async def chapter(self, title: str) -> None:
        await self.before(title)
        self.narrator.chapter(title)

    def tell(self, text: str, **shown: Any) -> None:
        self.narrator.step(text, **shown)

    def check(self, fact: str, holds: bool, seen: object = None) -> None:
        """Notes a fact, or stops the story."""
        if not holds:
            raise Broken(f"does not hold: {fact}" + (f"; seen: {seen}" if seen is not None else ""))
        self.facts.append(fact)

    async def refused(self, fact: str, status: int, code: str, attempt: Awaitable[Any]) -> Json:
        """The attempt must be refused in just this way; the problem."""
        try:
            done = await attempt
        except Refused as refusal:
            self.check(fact, (refusal.status, refusal.code) == (status, code), refusal)
            return refusal.problem
        raise Broken(f"does not hold: {fact}; it was allowed: {done}")

    def creator(self, creator_id: str) -> Person:
        return self.api.person(creator_id, "creator", creator_id)


def dollars(money: Json | None) -> str:
    """Minor units, as people write them; `–` where there is nothing."""
    return "–" if money is None else f"{money['amount'] / 100:,.2f} {money['currency']}"
