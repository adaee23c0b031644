"""A process that appends: `python -m tests.kernel.appender_process URL DATABASE NAME SECONDS`. Prints `ready`, waits for a
line, appends for that long and prints `<commit id> <position>` for every acknowledged commit."""

from __future__ import annotations

import asyncio
import itertools
import sys

from libs.chassis.mongo import MongoClient
from libs.chassis.system import SystemClock, SystemIds
from libs.events.ids import commit_id_of
from libs.events.ports import Unavailable
from libs.events.store import MongoCommitLog
from tests.kernel.commits import new_commit

CALLERS = 16


async def main(url: str, database: str, name: str, seconds: float) -> None:
    client = MongoClient(url)
    await client.ping()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    clock = SystemClock()
    end = clock.monotonic() + seconds
    log = MongoCommitLog(client.database(database), clock, SystemIds())

    async def caller(number: int) -> None:
        previous = None
        for step in itertools.takewhile(lambda _: clock.monotonic() < end, itertools.count()):
            commit_id = commit_id_of(name, str(number), str(step))
            stream = f"jar_{name}_{number}"
            while True:
                try:
                    new = new_commit(stream, after=previous, commit_id=commit_id, events=1 + step % 3)
                    previous = (await log.append(new)).commit
                except Unavailable:
                    continue
                break
            sys.stdout.write(f"{commit_id} {previous.position}\n")
            sys.stdout.flush()

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
