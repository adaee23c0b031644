"""The figures as tables: on the terminal after a run, in README.md between its marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from bench.harness import OURS, RAW, Measured, Spread
from bench.results import HERE

README = HERE / "README.md"
BEGIN, END = "<!-- figures: python -m bench --table -->", "<!-- end of figures -->"

HEADINGS = ("row", "unit", "ours", "raw", "ours ÷ raw", "target", "ours ÷ peer")


def cells(measured: Measured, between: str = ", ") -> tuple[str, ...]:
    """One line: throughputs as medians, ratios as median (min–max). `between`: peers."""
    peers = between.join(f"{peer} {_spread(measured.ratio(peer))}" for peer in measured.peers())
    return (
        measured.name,
        measured.unit,
        f"{measured.figure(OURS).median:,.0f}",
        f"{measured.figure(RAW).median:,.0f}",
        _spread(measured.ratio(RAW)),
        f"≥ {measured.target:.2f} {'met' if measured.met else 'missed'}",
        peers or "–",
    )


def terminal(measured: Iterable[Measured], machine: str) -> Table:
    table = Table(title=machine, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True)
    for row in measured:
        table.add_row(*cells(row, between="\n"), style="" if row.met else "red")
    return table


def markdown(saved: Sequence[tuple[dict[str, Any], Measured]]) -> str:
    """Of results.json and rounds.json; the machines and the number of rounds below it."""
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS)), *(_line(cells(measured)) for _, measured in saved)]
    seen = dict.fromkeys(f"{row['machine']}; {row['rounds']} rounds" for row, _ in saved)
    return "\n".join([*lines, "", *(f"Taken on {where}." for where in seen)])


def into_readme(figures: str) -> None:
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}")


def _spread(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f}–{spread.most:.2f})"


def _line(values: Iterable[str]) -> str:
    return "| " + " | ".join(values) + " |"
