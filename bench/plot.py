"""How search takes to a directory that grows, drawn: `growth.svg`, logarithmic both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path

HERE = Path(__file__).with_name("growth.svg")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 640, 360, 64, 48, 44
COLOURS = {"narrow": "#2563eb", "broad": "#d97706", "facets": "#059669"}


@dataclass(frozen=True, slots=True)
class Growth:
    """At a size: seconds since the first creator was indexed, bytes on disk, bytes of memory of the process, and milliseconds
    per question through the service, by kind."""

    creators: int
    seconds: float
    disk: int
    memory: int
    milliseconds: dict[str, float]


def draw(told: Sequence[Growth], file: Path = HERE) -> None:
    file.write_text("\n".join(_svg(told)) + "\n")


def _svg(told: Sequence[Growth]) -> Iterator[str]:
    every = [value for one in told for value in one.milliseconds.values()]
    least, most = 10 ** int(log10(min(every)) - 1), 10 ** int(log10(max(every)) + 1)

    def x(creators: float) -> float:
        share = (log10(creators) - log10(told[0].creators)) / (log10(told[-1].creators) - log10(told[0].creators))
        return LEFT + share * (WIDTH - LEFT - 130)

    def y(milliseconds: float) -> float:
        share = (log10(milliseconds) - log10(least)) / (log10(most) - log10(least))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    yield f'<text x="{LEFT}" y="24" font-size="15">A search through the service, by creators in the directory</text>'
    level = least
    while level <= most:
        yield f'<line x1="{LEFT}" x2="{WIDTH - 130}" y1="{y(level):.1f}" y2="{y(level):.1f}" stroke="#e5e7eb"/>'
        yield f'<text x="{LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{level:g} ms</text>'
        level *= 10
    for one in told:
        yield f'<text x="{x(one.creators):.1f}" y="{HEIGHT - 18}" text-anchor="middle">{one.creators:,}</text>'
    for kind, colour in COLOURS.items():
        points = [(x(one.creators), y(one.milliseconds[kind])) for one in told]
        drawn = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        yield f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{colour}"/>' for px, py in points)
        px, py = points[-1]
        yield f'<text x="{px + 10:.1f}" y="{py + 4:.1f}" fill="{colour}">{kind}: {told[-1].milliseconds[kind]:.1f} ms</text>'
    yield "</svg>"
