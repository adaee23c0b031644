"""A process that appends: `python -m tests.kernel.appender_process URL DATABASE NAME COMMITS`. Prints `ready`, waits for a
line, then prints `<commit id> <position>` for every acknowledged commit."""

from __future__ import annotations

import asyncio
import sys

from libs.chassis.mongo import MongoClient
from libs.chassis.system import SystemClock, SystemIds
from libs.events.ids import commit_id_of
from libs.events.ports import Unavailable
from libs.events.store import MongoCommitLog
from tests.kernel.commits import new_commit

CALLERS = 16


async def main(url: str, database: str, name: str, commits: int) -> None:
    client = MongoClient(url)
    await client.ping()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    log = MongoCommitLog(client.database(database), SystemClock(), SystemIds())

    async def caller(number: int) -> None:
        previous = None
        for step in range(commits // CALLERS):
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
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
