"""The rows of the table, in its order."""

from __future__ import annotations

from bench.harness import Row
from bench.rows import append, decide, gateway, project, relay, search

ROWS: tuple[Row, ...] = (append.ROW, decide.WARM_ROW, decide.COLD_ROW, relay.ROW, project.ROW, *search.ROWS, *gateway.ROWS)
