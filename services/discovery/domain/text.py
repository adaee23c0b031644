"""How text is found: words, their beginnings, and words that are nearly the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import IntEnum

WORD = re.compile(r"[^\W_]+")
MOST_TERMS = 16
LONGEST_WORD = 200
"""Letters of a word that count: what indexes can take, in whatever script."""
LEAST_PREFIX = 2
"""Letters that a beginning needs."""


class Closeness(IntEnum):
    """How a creator's words met what was asked for, the closest first. All words must be met; the least close says."""

    NAMED = 0
    """In handle, name or niches."""
    SAID = 1
    """In the bio."""
    BEGUN = 2
    """A word begins so."""
    NEARLY = 3
    """A word is a slip or two away."""


def words(text: str) -> tuple[str, ...]:
    """Lower-case runs of letters and digits, without accents; of a longer one its first `LONGEST_WORD`."""
    folded = text.lower() if text.isascii() else _without_accents(text.lower())
    found = WORD.findall(folded)
    return tuple(found) if len(folded) <= LONGEST_WORD else tuple(word[:LONGEST_WORD] for word in found)


def _without_accents(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def terms_of(text: str) -> tuple[str, ...]:
    """The different words of what was asked for, in order, at most `MOST_TERMS`."""
    return tuple(dict.fromkeys(words(text)))[:MOST_TERMS]


def slips(term: str) -> int:
    """How many letters may be wrong, missing, too many or swapped: none of a short word."""
    return 0 if len(term) < 4 else 1 if len(term) < 8 else 2


def closeness(terms: Sequence[str], named: Iterable[str], said: Iterable[str]) -> Closeness | None:
    """How the terms are met by a creator's words; None: one of them is not."""
    named, said = set(named), set(said)
    met = [_met(term, named, said) for term in terms]
    return None if None in met else max((one for one in met if one is not None), default=Closeness.NAMED)


def _met(term: str, named: set[str], said: set[str]) -> Closeness | None:
    if term in named:
        return Closeness.NAMED
    if term in said:
        return Closeness.SAID
    every = named | said
    if len(term) >= LEAST_PREFIX and any(word.startswith(term) for word in every):
        return Closeness.BEGUN
    if (most := slips(term)) and any(distance(term, word, most) <= most for word in every):
        return Closeness.NEARLY
    return None


def distance(one: str, other: str, most: int) -> int:
    """Letters to change, add, drop or swap with their neighbour to make one of the other (optimal string alignment); anything
    beyond `most` is told as `most + 1`."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, char in enumerate(one, 1):
        current = [row]
        for column, opposite in enumerate(other, 1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (char != opposite))
            if row > 1 and column > 1 and char == other[column - 2] and one[row - 2] == opposite:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, last = last, current
    return min(last[-1], most + 1)
