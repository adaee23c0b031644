"""`make simulate SEEDS=1000`, or one seed told in full: `make simulate SEED=7`."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from itertools import repeat
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.scoreboard import Row, write_report
from tests.simulation.broken import Broken
from tests.simulation.moves import MOVES
from tests.simulation.run import OPERATIONS, Result, simulate
from tests.simulation.sometimes import ENOUGH, LEAST_SHARE, LOST_AFTER, MANY, SOMETIMES, never_happened, share_of
from tests.simulation.trace import Trace
from tests.simulation.workers import CORES, Cost, Done, one, quiet, workers

REPORT = Path(__file__).with_name("report.json")
ID = re.compile(r"\b[a-z]{3}_([0-9a-z]{26})\b")
"""What a failure is about: without its prefix it finds the streams of a deal that have it in common."""
TOLD = 60
"""Lines of a failing seed's trace that are printed; all of it is written to a file."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int, help="this one only, with its trace")
    parser.add_argument("--about", default="", help="of the trace only lines that name this")
    given = parser.parse_args()
    with quiet(), tempfile.TemporaryDirectory() as directory:
        if given.seed is not None:
            return tell(given.seed, Path(directory), given.about)
        return many(range(given.first, given.first + given.seeds), Path(directory))


def tell(seed: int, directory: Path, about: str) -> int:
    trace = Trace(told=True)
    result = simulate(seed, directory, trace=trace)
    sys.stdout.write(trace.story(about))
    sys.stdout.write(f"seed {seed}: {result.commits} commits, trace {result.digest[:16]}\n")
    if result.failure is not None:
        traceback.print_exception(result.failure)
    return 1 if result.failure else 0


def many(seeds: range, directory: Path) -> int:
    """On all cores, a seed at a time each."""
    console, began, results, spent = Console(stderr=True), time.monotonic(), list[Result](), 0.0
    columns = (TextColumn("seeds"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with workers() as pool, Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for done in progress.track(pool.map(one, seeds, repeat(directory)), total=len(seeds)):
            if done.failure:
                pool.shutdown(wait=False, cancel_futures=True)
                return _failed(done, directory)
            results.append(done.result)
            spent += done.seconds
    cost = Cost(time.monotonic() - began, spent)
    happened = sum((result.happened for result in results), Counter[str]())
    never = never_happened(happened, [move.rpc for moves in MOVES.values() for move in moves], len(seeds))
    lost_after = share_of(LOST_AFTER, [result.happened for result in results])
    if len(seeds) >= ENOUGH and lost_after < LEAST_SHARE:
        never.append(f"an answer lost after its effect, in {LEAST_SHARE:.0%} of the seeds (it was in {lost_after:.0%})")
    sys.stdout.write(_summary(results, cost) + "\n")
    if len(seeds) >= MANY:
        _report(results, cost, happened, never, lost_after)
    if never:
        sys.stdout.write(f"never happened: {', '.join(never)}\n")
    return 1 if never else 0


def _failed(done: Done, directory: Path) -> int:
    """Once more, told: the same seed gives the same run."""
    trace, seed = Trace(told=True), done.result.seed
    sys.stdout.write(done.failure)
    result = simulate(seed, directory, trace=trace)
    path = Path("build") / f"simulation-{seed}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(trace.story())
    sys.stdout.write("".join(trace.story().splitlines(keepends=True)[-TOLD:]))
    if result.failure is None:
        sys.stdout.write(
            f"\nseed {seed} holds when it is run again: it depends on what its process did before, or on its hash seed\n"
        )
        return 1
    what = result.failure.invariant if isinstance(result.failure, Broken) else type(result.failure).__name__
    sys.stdout.write(f"\nseed {result.seed} broke: {what}\n{result.failure}\n")
    about = next(iter(ID.findall(str(result.failure))), "")
    sys.stdout.write(f"its whole trace is in {path}; again, told: make simulate SEED={result.seed} ABOUT={about}\n")
    return 1


def _summary(results: list[Result], cost: Cost) -> str:
    commits, healed = sum(result.commits for result in results), sorted(result.healed for result in results)
    requests = sum(result.happened["requests"] for result in results)
    return (
        f"{len(results)} seeds × {OPERATIONS} operations in {cost}: {requests:,} requests, "
        f"{commits:,} commits, 0 violations; healed within {healed[-1]:.0f} virtual s (median {healed[len(healed) // 2]:.0f} s)"
    )


def _webhooks(happened: Counter[str]) -> str:
    told = {what: happened[f"webhook: {what}"] for what in ("taken", "late", "lost", "told again")}
    forged, first = happened["webhook: a forged one refused"], happened["a webhook came before the answer"]
    said = ", ".join(f"{times:,} {what}" for what, times in told.items())
    return f"{said}, {forged:,} forged and refused; {first:,} came before the answer"


def _report(results: list[Result], cost: Cost, happened: Counter[str], never: list[str], lost_after: float) -> None:
    count, command = len(results), f"make simulate SEEDS={len(results)}"
    crashes = sum(times for what, times in happened.items() if what.startswith(("crashed", "killed")))
    money = "money conserved at every posting; no account below zero; held + released + refunded = funded"
    rows = [
        Row(money, "TigerBeetle's VOPR, Formance", f"0 violations in {count:,} seeds × {OPERATIONS} operations", command),
        Row(
            "a thousand seeds of two hundred operations while one waits",
            "three minutes of one core",
            f"{cost}; with what is sent again {happened['requests']:,} requests",
            command,
        ),
        Row(
            "one effect per intent at the provider, whatever it answers",
            "Stripe, Airbnb's Orpheus",
            f"{happened['fact FundsDeposited'] + happened['fact PaymentReleased']:,} effects told, 0 twice; "
            f"{sum(happened[one] for one in LOST_AFTER):,} answers lost after the effect, in {lost_after:.0%} of the seeds",
            command,
        ),
        Row(
            "webhooks late, twice, in any order, lost or forged change nothing that is true",
            "Stripe, Standard Webhooks",
            _webhooks(happened),
            command,
        ),
        Row(
            "an unknown outcome is looked up, never called failed",
            "spree#14500",
            f"{happened['an outcome was unknown']:,} unknown, 0 called failed before a look-up",
            command,
        ),
        Row(
            "an accepted command stands, a refused one leaves nothing, one key one answer",
            "Stripe, Jepsen's TigerBeetle workloads",
            f"{happened['commands accepted']:,} accepted, {happened['commands refused']:,} refused, "
            f"{happened['a command sent again']:,} sent again",
            command,
        ),
        Row(
            "every log gapless and chained; published = committed, in order per stream; view = fold(log)",
            "Marten, Jepsen's Kafka checks",
            f"{sum(result.commits for result in results):,} commits, {sum(result.documents for result in results):,} documents",
            command,
        ),
        Row(
            "a healed marketplace settles: every deal at rest, every lag zero",
            "TigerBeetle's liveness mode",
            f"within {max(result.healed for result in results):.0f} of 600 virtual s, after {crashes:,} crashes",
            command,
        ),
        Row(
            "the rare things happen",
            "Antithesis' sometimes-assertions",
            f"{len(SOMETIMES) - len([n for n in never if n in SOMETIMES])} of {len(SOMETIMES)} faults and habits seen",
            command,
        ),
    ]
    write_report(
        REPORT,
        rows,
        seeds=count,
        operations=OPERATIONS,
        seconds=round(cost.seconds, 1),
        cores=CORES,
        core_seconds=round(cost.core_seconds, 1),
        hash_seed=os.environ.get("PYTHONHASHSEED", "random"),
        never=never,
        happened=dict(sorted(happened.items())),
    )


if __name__ == "__main__":
    sys.exit(main())
