"""What the gateway counts. Instruments are read when they are asked for; a request costs two additions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from libs.events.ports import Clock
from services.gateway.places import Places

WITHIN = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the bounds that requests are sorted into."""

Labels = tuple[str, str, int]


class _Seen:
    __slots__ = ("requests", "seconds", "within")

    def __init__(self) -> None:
        self.requests, self.seconds, self.within = 0, 0.0, [0] * (len(WITHIN) + 1)


class Meter:
    """Requests, their seconds, and how many ended within which bound; by route, method and status."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock.monotonic
        self._seen: dict[Labels, _Seen] = {}
        self._watched: Mapping[str, Places] = {}
        meter = metrics.get_meter("limelight.gateway")
        meter.create_observable_counter("http.server.requests", [self._requests], description="Requests that were answered")
        meter.create_observable_counter(
            "http.server.request.seconds", [self._seconds], unit="s", description="Time from headers to answer, summed"
        )
        meter.create_observable_counter(
            "http.server.requests.within", [self._within], description="Requests that were answered within `le` seconds"
        )
        meter.create_observable_gauge(
            "limelight.gateway.places", [self._places], description="Requests that a service is asked at once, at most"
        )

    def watch(self, places: Mapping[str, Places]) -> None:
        """By service."""
        self._watched = places

    def record(self, route: str, method: str, status: int, began: float) -> None:
        labels = (route, method, status)
        seen = self._seen.get(labels)
        if seen is None:
            seen = self._seen.setdefault(labels, _Seen())
        seconds = self.now() - began
        seen.requests += 1
        seen.seconds += seconds
        seen.within[bisect_left(WITHIN, seconds)] += 1

    def _requests(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(seen.requests, _attributes(labels)) for labels, seen in self._seen.items()]

    def _seconds(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(seen.seconds, _attributes(labels)) for labels, seen in self._seen.items()]

    def _places(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(places.number, {"service": name}) for name, places in self._watched.items()]

    def _within(self, options: CallbackOptions) -> Iterator[Observation]:
        for labels, seen in list(self._seen.items()):
            total = 0
            for bound, count in zip((*map(str, WITHIN), "+Inf"), seen.within, strict=True):
                total += count
                yield Observation(total, {**_attributes(labels), "le": bound})


def _attributes(labels: Labels) -> dict[str, str | int]:
    route, method, status = labels
    return {"http.route": route, "http.request.method": method, "http.response.status_code": status}
