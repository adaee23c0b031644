"""Who tells the story: to a terminal (`telling.py`), to nobody, or to a test that listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol


class Narrator(Protocol):
    """Who tells it. `advance` is given by `progress` for work in many small steps."""

    def chapter(self, title: str) -> None: ...

    def step(self, text: str, **facts: Any) -> None: ...

    def table(self, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None: ...

    def progress(self, text: str, total: int) -> AbstractContextManager[Callable[[], None]]: ...


class Silent:
    """Tells nothing."""

    def chapter(self, title: str) -> None: ...

    def step(self, text: str, **facts: Any) -> None: ...

    def table(self, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None: ...

    @contextmanager
    def progress(self, text: str, total: int) -> Iterator[Callable[[], None]]:
        yield lambda: None
