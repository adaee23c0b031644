"""messaging: the table of contents."""

from __future__ import annotations

from libs.chassis.rpcs import Aggregate, command, get, query, rpcs, watch
from services.messaging import queries
from services.messaging.domain.thread import MarkRead, SendMessage, thread

RPCS = rpcs(
    GetThread=get(thread),
    ListThreads=query(queries.ListThreads, queries.list_threads, "threads"),
    ListMessages=query(queries.ListMessages, queries.list_messages, "threads", "messages"),
    SendMessage=command(SendMessage),
    MarkRead=command(MarkRead),
    WatchThread=watch(queries.WatchThread, queries.watch_thread),
)

AGGREGATES = (Aggregate(thread, queries.show_thread),)
