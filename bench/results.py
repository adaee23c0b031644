"""What a run leaves: `results.json`, the medians; `rounds.json`, every round behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.harness import OURS, RAW, Measured, Round

HERE = Path(__file__).parent
RESULTS, ROUNDS = HERE / "results.json", HERE / "rounds.json"

KEYS = ("name", "ours", "raw", "peer", "unit", "ratio_to_raw", "ratio_to_peer", "target", "rounds", "machine")


def result(measured: Measured, machine: str) -> dict[str, Any]:
    """A row of results.json. Throughputs are medians in `unit`, ratios medians of the rounds' own; `peer` is the fastest peer
    that ran (null: none); `rounds` counts them."""
    peer = next(iter(measured.peers()), None)
    values = (
        measured.name,
        round(measured.figure(OURS).median, 1),
        round(measured.figure(RAW).median, 1),
        round(measured.figure(peer).median, 1) if peer else None,
        measured.unit,
        round(measured.ratio(RAW).median, 3),
        round(measured.ratio(peer).median, 3) if peer else None,
        measured.target,
        len(measured.rounds),
        machine,
    )
    return dict(zip(KEYS, values, strict=True))


def save(measured: Sequence[Measured], machine: str, order: Sequence[str]) -> None:
    """Puts these rows in the place of their last figures; the others' stay. `order`: all names, as they shall stand."""
    results = {row["name"]: row for row in load(RESULTS, [])} | {m.name: result(m, machine) for m in measured}
    rounds = load(ROUNDS, {}) | {m.name: [_rounded(figures) for figures in m.rounds] for m in measured}
    known = [name for name in order if name in results]
    _write(RESULTS, [results[name] for name in known])
    _write(ROUNDS, {name: rounds[name] for name in known})


def saved() -> list[tuple[dict[str, Any], Measured]]:
    """Each row of results.json with its rounds."""
    rounds = load(ROUNDS, {})
    return [(row, Measured(row["name"], row["unit"], row["target"], rounds[row["name"]])) for row in load(RESULTS, [])]


def load(file: Path, default: Any) -> Any:
    return json.loads(file.read_text()) if file.exists() else default


def _rounded(figures: Round) -> Mapping[str, float]:
    return {side: round(figure, 1) for side, figure in figures.items()}


def _write(file: Path, content: list[Any] | dict[str, Any]) -> None:
    """One entry a line: a changed figure is a changed line."""
    if isinstance(content, list):
        lines, (opening, closing) = [json.dumps(entry) for entry in content], "[]"
    else:
        lines, (opening, closing) = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in content.items()], "{}"
    file.write_text(f"{opening}\n" + ",\n".join(f"  {line}" for line in lines) + f"\n{closing}\n")
