"""Structured logs: one JSON object a line (readable lines on a terminal in development), each with its trace.

Only keys of `ALLOWED` are written: a log holds no personal data, no token and no body. What a message or an exception's text
may have caught of a token or a password is struck out.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from typing import TextIO

import structlog
from opentelemetry import trace
from pydantic import ValidationError
from structlog.typing import EventDict, Processor, WrappedLogger

from libs.chassis.settings import ProcessSettings

ALLOWED = frozenset(
    {
        *("event", "level", "logger", "timestamp", "service", "role", "instance", "trace_id", "span_id", "dropped"),
        *("exception", "error_type", "code", "kind", "method", "http_status", "duration_ms", "attempt", "seconds"),
        *("reason", "reasons", "port", "address", "signal", "task", "count", "lag", "epoch", "due", "collection"),
        *("stream", "version", "position", "commit_id", "event_id", "event_type", "command", "reaction"),
        *("projection", "generation", "group", "topic", "partition", "offset", "key"),
    }
)
"""Keys that a log line may carry. `key` is a stream's id; `reason` is our own words."""

SECRETS = (
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "[token]"),
    (re.compile(r"(\w+://)[^/\s:@]+:[^/\s@]+@"), r"\1[password]@"),
)
LONGEST_TEXT, LONGEST_CHAIN = 1000, 4
NOISY = ("aiokafka", "faststream", "httpx", "httpcore", "grpc", "pymongo", "opensearch", "asyncio", "uvicorn.access")
"""Libraries that are heard from WARNING on."""


def setup(settings: ProcessSettings, service: str, *, into: TextIO | None = None) -> None:
    """Routes structlog and the standard library's loggers (uvicorn, aiokafka, faststream, grpc, …) to one handler on `into`
    (default: standard error)."""
    stream = into or sys.stderr
    readable = not settings.production and stream.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace,
        _exception,
        _Bound(service, settings.instance),
        _allowed,
        _without_secrets,
    ]
    renderer: Processor = structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.getLevelName(settings.log_level)
    for name in (*NOISY, "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(max(root.level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Bound:
    def __init__(self, service: str, instance: str) -> None:
        self._service, self._instance = service, instance

    def __call__(self, logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
        entry.setdefault("service", self._service)
        if self._instance:
            entry.setdefault("instance", self._instance)
        return entry


def _trace(logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        entry["trace_id"], entry["span_id"] = f"{span.trace_id:032x}", f"{span.span_id:016x}"
    return entry


def _exception(logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
    """Where it failed and as what. A validation error's own text would repeat the input."""
    error = entry.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error and not isinstance(error, BaseException):
        error = sys.exc_info()[1]
    if not error:
        return entry
    entry["error_type"], told = type(error).__name__, [_told(error)]
    while (error := error.__cause__) and len(told) < LONGEST_CHAIN:
        told.append(_told(error))
    entry["exception"] = "\ncaused by:\n".join(told)
    return entry


def _told(error: BaseException) -> str:
    frames = "".join(f"{f.filename}:{f.lineno} in {f.name}\n" for f in traceback.extract_tb(error.__traceback__))
    said = f"{error.error_count()} violations" if isinstance(error, ValidationError) else str(error)[:LONGEST_TEXT]
    return f"{frames}{type(error).__name__}: {said}"


def _allowed(logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
    """Keys that are not allowed are named, so that their absence is seen; their values are gone."""
    own = {"_record", "_from_structlog"}
    dropped = sorted(entry.keys() - ALLOWED - own)
    for name in dropped:
        del entry[name]
    if dropped:
        entry["dropped"] = dropped
    return entry


def _without_secrets(logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
    for name, value in entry.items():
        if isinstance(value, str):
            for pattern, instead in SECRETS:
                value = pattern.sub(instead, value)
            entry[name] = value
    return entry
