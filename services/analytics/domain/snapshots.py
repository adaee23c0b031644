"""Which snapshot of a post counts: the newest capture, whenever it arrived."""

from __future__ import annotations

from typing import Any

from libs.events.catalog.analytics import MetricsReported
from libs.events.catalog.values import Metrics, MetricsSource, Time, Value

TRUST = (MetricsSource.SIMULATED, MetricsSource.CREATOR_REPORT, MetricsSource.IMPORT, MetricsSource.PLATFORM_API)
"""Sources, the most trusted last: of two captures of the same moment the more trusted counts."""


class Snapshot(Value):
    """Cumulative counts as they were captured then."""

    captured_at: Time
    source: MetricsSource
    organic: Metrics
    paid: Metrics | None = None

    @classmethod
    def of(cls, event: MetricsReported) -> Snapshot:
        return cls(captured_at=event.captured_at, source=event.source, organic=event.organic, paid=event.paid)

    def rank(self) -> tuple[Any, ...]:
        """A total order, so that no order of arrival makes a difference: by moment, by trust, then by content."""
        return (self.captured_at, TRUST.index(self.source), _content(self.organic), _content(self.paid or Metrics()))

    def totals(self) -> Metrics:
        """Organic and paid together; what neither has measured stays missing."""
        if self.paid is None:
            return self.organic
        return Metrics(**{name: _sum(value, getattr(self.paid, name)) for name, value in self.organic})


def _content(metrics: Metrics) -> tuple[int, ...]:
    return tuple(-1 if value is None else value for _, value in metrics)


def _sum(one: int | None, other: int | None) -> int | None:
    measured = [value for value in (one, other) if value is not None]
    return sum(measured) if measured else None
