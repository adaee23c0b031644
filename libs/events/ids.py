"""Ids: a prefix, ten characters of time, sixteen of chance, in Crockford's base 32, so that they sort by age (ULID)."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Protocol

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TIME_LENGTH, CHANCE_LENGTH = 10, 16


class Ids(Protocol):
    """Randomness comes in from outside, so that a simulation owns it."""

    def new(self, prefix: str, at: datetime) -> str: ...

    def commit_id(self) -> str:
        """For a request that brought no idempotency key."""
        ...


def compose(prefix: str, at: datetime, chance: int) -> str:
    """An id of that moment; `chance` is any integer, its low 80 bits are used."""
    return f"{prefix}_{_base32(round(at.timestamp() * 1000), TIME_LENGTH)}{_base32(chance, CHANCE_LENGTH)}"


def derive(prefix: str, parent: str, *others: str) -> str:
    """The id of what follows from `parent` (a contract from its engagement, a payment from its contract): as old as the parent,
    and the same however often it is derived."""
    suffix = parent.partition("_")[2]
    if not others:
        return f"{prefix}_{suffix}"
    digest = hashlib.sha256("/".join((parent, *others)).encode()).digest()
    return f"{prefix}_{suffix[:TIME_LENGTH]}{_base32(int.from_bytes(digest[:10], 'big'), CHANCE_LENGTH)}"


def numbered(prefix: str, at: datetime, parent: str, number: int) -> str:
    """The id of a parent's n-th thing (a thread's message, a brand's deposit): follows from both, and sorts by age."""
    return derive(prefix, compose(prefix, at, 0), parent, str(number))


def commit_id_of(*parts: str) -> str:
    """uuid5 over what makes an intent the same intent: (actor, idempotency key), (reaction, event id, index)."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(parts)))


NAMESPACE = uuid.UUID("6c696d65-6c69-5967-8874-636f6d6d6974")


def _base32(value: int, length: int) -> str:
    return "".join(ALPHABET[(value >> (5 * i)) & 31] for i in reversed(range(length)))
