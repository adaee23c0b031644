"""Names that belong to nobody, made of syllables, so that they can be searched, sorted and mistyped like names."""

from __future__ import annotations

from random import Random

# fmt: off
FIRST = (
    "Ba", "Be", "Bri", "Da", "Do", "E", "Fa", "Fi", "Ga", "Gre", "Ha", "Hi", "I", "Ja", "Jo", "Ka", "Ke", "La", "Li",
    "Lu", "Ma", "Me", "Mi", "Na", "No", "O", "Pa", "Pe", "Ra", "Ri", "Sa", "Se", "Ta", "Te", "U", "Va", "Ve", "Wi",
    "Ya", "Za",
)
MIDDLE = (
    "la", "ra", "mi", "no", "ve", "si", "do", "na", "li", "to", "re", "ka", "lu", "bo", "di", "fe",
)
GIVEN_END = (
    "n", "ra", "lis", "mo", "na", "vi", "to", "rel", "sha", "ko", "lia", "min", "do", "ela", "rik", "ya",
)
FAMILY_END = (
    "berg", "ton", "mar", "sen", "dal", "win", "ford", "ner", "ova", "ski", "ley", "mont", "rin", "gard", "stra",
    "vel",
)
# fmt: on
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def name(chance: Random) -> tuple[str, str]:
    """Given and family name."""
    given = _pick(FIRST, chance) + (_pick(MIDDLE, chance) if chance.random() < 0.4 else "") + _pick(GIVEN_END, chance)
    family = _pick(FIRST, chance) + _pick(MIDDLE, chance) + _pick(FAMILY_END, chance)
    return given, family


def handle(given: str, family: str, number: int) -> str:
    """The creator's number keeps it unlike all others."""
    return f"{given}.{family}.{_base36(number)}.sim".lower()


def _pick(syllables: tuple[str, ...], chance: Random) -> str:
    return syllables[int(chance.random() * len(syllables))]


def _base36(number: int) -> str:
    digits = DIGITS[number % 36]
    while number := number // 36:
        digits = DIGITS[number % 36] + digits
    return digits
