"""Deadlines: commands that are due later. They are polled and delivered as ordinary commands; a decider ignores what no
longer applies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from libs.events.decider import Command


@dataclass(frozen=True, slots=True)
class Deadline:
    """Send `command` once `due` has come. Yielded by reactions beside commands."""

    due: datetime
    command: Command
