"""Which faults come when: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cli.console import SERVICES
from tests.chaos.faults import BOTH, LOGS, Fault
from tests.chaos.stack import STORES

INDEX = "discovery"
"""Keeps an index on its own disk."""
TOXICS = ("reset", "black out", "slow down", "half close")


@dataclass(frozen=True, slots=True)
class Form:
    """How much of each kind. `network`: faults of edges, each of another edge while there are such, every second one of two at
    once; `cuts`: of those in whose midst every answer is timed; `steps`: of clocks; `rounds`: how often it is let settle
    and looked through."""

    name: str
    rounds: int
    kills: int
    store_kills: int
    freezes: int
    stops: int
    network: int
    cuts: int
    steps: int
    outages: int
    wipes: int
    full_disks: int
    starved: int
    rebuilds: int
    relay_kills: int
    calm: float
    """Seconds of traffic without faults, for comparison."""
    rate: float
    """Deals that begin per second."""


SHORT = Form("short", 1, 6, 2, 2, 3, 6, 3, 0, 1, 1, 1, 1, 1, 5, 5.0, 0.5)
LONG = Form("long", 5, 180, 24, 20, 50, 60, 20, 30, 8, 4, 8, 10, 10, 100, 20.0, 0.4)


@dataclass(frozen=True, slots=True)
class Round:
    """What happens side by side: to processes, and to the network between them."""

    processes: Sequence[Fault]
    network: Sequence[Fault]


def schedule(seed: int, form: Form, processes: Sequence[str], edges: Sequence[str]) -> list[Round]:
    chance = random.Random(seed)
    on_processes, on_network = list(_on_processes(chance, form, processes)), list(_on_network(chance, form, edges))
    chance.shuffle(on_processes)
    return [Round(on_processes[n :: form.rounds], on_network[n :: form.rounds]) for n in range(form.rounds)]


def _on_processes(chance: random.Random, form: Form, processes: Sequence[str]) -> Iterator[Fault]:
    for target in _spread(chance, processes, form.kills):
        yield _fault(chance, "kill", target)
    for target in _spread(chance, STORES, form.store_kills):
        yield _fault(chance, "kill", target)
    for target in _spread(chance, [*processes, *STORES], form.freezes):
        yield _fault(chance, "freeze", target, 2.0, 6.0)
    for target in _spread(chance, processes, form.stops):
        yield _fault(chance, "terminate", target)
    for target in _spread(chance, STORES, form.outages):
        yield _fault(chance, "take down", target, 1.0, 5.0)
    for _ in range(form.wipes):
        yield _fault(chance, "wipe", "kafka", 0.5, 1.5)
    for target in _spread(chance, ("mongo", "kafka", LOGS, INDEX), form.full_disks):
        yield _fault(chance, "fill disk of", target, 3.0, 6.0)
    for target in _spread(chance, processes, form.starved):
        yield _fault(chance, "starve", target, 3.0, 6.0)
    for target in _spread(chance, SERVICES, form.rebuilds):
        yield _fault(chance, "rebuild", target)


def _on_network(chance: random.Random, form: Form, edges: Sequence[str]) -> Iterator[Fault]:
    toxics = _spread(chance, TOXICS, form.network)
    for number, (toxic, edge) in enumerate(zip(toxics, _spread(chance, edges, form.network), strict=True)):
        other = chance.choice([another for another in edges if another != edge])
        yield _fault(chance, toxic, edge if number % 2 else f"{edge}{BOTH}{other}", 1.5, 4.0)


def _spread(chance: random.Random, among: Sequence[str], count: int) -> Iterator[str]:
    """Each as often as the others, give or take one."""
    for start in range(0, count, len(among)):
        yield from chance.sample(among, min(len(among), count - start))


def _fault(chance: random.Random, kind: str, target: str, least: float = 0.0, most: float = 0.0) -> Fault:
    return Fault(kind, target, round(chance.uniform(least, most), 1), round(chance.uniform(0.2, 1.0), 1))
