"""Views: how queries read read models."""

from __future__ import annotations

from typing import Protocol

from libs.events.ports import Document, Page, Where


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
