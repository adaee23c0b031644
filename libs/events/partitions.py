"""Where a key's messages go: the same murmur2 as every stock Kafka client, so that others can compute it too."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2

PARTITIONS = 12
"""Of every topic, from its first day: adding some later would move keys and break their order."""


@lru_cache(maxsize=65_536)
def partition(key: str) -> int:
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % PARTITIONS
