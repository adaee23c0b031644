"""The plot, last part: what it brought, and that every step of it can be traced."""

from __future__ import annotations

from cli.story.deal import Deal


async def are_measured(deal: Deal) -> None: ...


async def are_traced(deal: Deal) -> None: ...
