"""What creators are about: how many, on which platform, watched by whom, and what it pays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import accumulate

AGES = ("13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")
YOUNG = (0.20, 0.40, 0.24, 0.09, 0.04, 0.02, 0.01)
ADULT = (0.07, 0.27, 0.36, 0.17, 0.08, 0.03, 0.02)
MATURE = (0.03, 0.13, 0.27, 0.25, 0.17, 0.10, 0.05)

PLATFORMS = ("tiktok", "instagram", "youtube")


@dataclass(frozen=True, slots=True)
class Niche:
    """`weight`: its share of creators, not normalized. `women`: their share of the audience that told. `pays`: 1 is the average
    price. `platforms`: weights in the order of `PLATFORMS`. `near`: what else its creators are about. `loved`: countries where
    it is half as frequent again."""

    name: str
    weight: float
    women: float
    ages: tuple[float, ...]
    pays: float
    platforms: tuple[int, int, int]
    near: tuple[str, ...]
    loved: tuple[str, ...]


# fmt: off
NICHES = (
    Niche("beauty", 12, .84, ADULT, 1.15, (4, 5, 2), ("skincare", "fashion", "lifestyle"), ("KR", "BR", "SA")),
    Niche("fashion", 10, .72, ADULT, 1.1, (4, 6, 1), ("beauty", "lifestyle", "travel"), ("IT", "FR", "KR")),
    Niche("lifestyle", 10, .66, ADULT, 1, (4, 5, 2), ("fashion", "parenting", "interior"), ("US", "GB", "AU")),
    Niche("comedy", 9, .45, YOUNG, .85, (8, 2, 2), ("lifestyle", "music"), ("NG", "IN", "ID")),
    Niche("gaming", 8, .22, YOUNG, .9, (3, 1, 7), ("tech", "movies"), ("JP", "KR", "PL")),
    Niche("cooking", 8, .63, ADULT, 1, (4, 4, 3), ("baking", "health", "travel"), ("IT", "FR", "TR")),
    Niche("fitness", 8, .48, ADULT, 1.05, (4, 5, 2), ("health", "sports"), ("US", "BR", "DE")),
    Niche("travel", 6, .54, ADULT, 1.15, (3, 5, 3), ("photography", "outdoors", "cooking"), ("AU", "DE", "PH")),
    Niche("music", 5, .50, YOUNG, .8, (6, 2, 4), ("dance", "comedy"), ("BR", "NG", "PH")),
    Niche("dance", 4, .68, YOUNG, .8, (8, 3, 1), ("music", "fitness"), ("BR", "IN", "PH")),
    Niche("tech", 4, .20, ADULT, 1.35, (2, 2, 6), ("gaming", "finance", "education"), ("US", "IN", "DE")),
    Niche("skincare", 4, .86, ADULT, 1.2, (5, 5, 1), ("beauty", "health"), ("KR", "JP", "FR")),
    Niche("parenting", 3, .82, MATURE, 1.2, (3, 5, 2), ("lifestyle", "education"), ("US", "GB", "PL")),
    Niche("sports", 3, .25, ADULT, 1, (4, 4, 3), ("fitness", "outdoors"), ("ES", "GB", "AR")),
    Niche("education", 3, .52, ADULT, 1.05, (4, 2, 5), ("books", "tech"), ("IN", "EG", "NG")),
    Niche("health", 3, .68, MATURE, 1.25, (3, 4, 3), ("fitness", "cooking"), ("DE", "CH", "NL")),
    Niche("books", 2, .78, ADULT, .85, (5, 4, 2), ("education", "lifestyle"), ("FR", "GB", "AR")),
    Niche("interior", 2, .76, MATURE, 1.2, (3, 6, 2), ("lifestyle", "gardening"), ("NL", "DE", "CA")),
    Niche("baking", 2, .74, MATURE, .95, (4, 4, 2), ("cooking", "parenting"), ("AT", "GB", "FR")),
    Niche("finance", 2, .30, MATURE, 1.6, (3, 2, 5), ("tech", "education"), ("US", "CH", "IN")),
    Niche("photography", 2, .44, ADULT, .95, (1, 6, 3), ("travel", "outdoors"), ("JP", "IT", "CA")),
    Niche("outdoors", 2, .40, ADULT, 1.05, (2, 4, 4), ("travel", "sports"), ("CA", "CH", "AU")),
    Niche("movies", 1.5, .42, YOUNG, .75, (5, 2, 4), ("gaming", "books"), ("JP", "FR", "MX")),
    Niche("gardening", 1, .62, MATURE, .95, (2, 3, 4), ("interior", "outdoors"), ("GB", "NL", "DE")),
)
# fmt: on
BY_NAME = {niche.name: niche for niche in NICHES}


@cache
def cumulative(country: str) -> tuple[float, ...]:
    """Cumulative weights of the niches in a country."""
    return tuple(accumulate(niche.weight * (1.5 if country in niche.loved else 1) for niche in NICHES))
