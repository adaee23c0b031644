"""Entries of the directory and searches, as hypothesis draws them: few values, so that many match."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from libs.events.catalog.values import AgeBand, Badge, EngagementRateMethod, Gender, Platform
from libs.events.envelope import iso
from libs.events.ports import Document
from libs.events.testing import AT
from services.discovery.domain.criteria import (
    AudienceKind,
    AudienceShare,
    CountRange,
    Criteria,
    EngagementRateRange,
    GrowthRange,
    PriceRange,
)
from services.discovery.ports import FACETS, CreatorOrder, Search

NICHES, COUNTRIES, LANGUAGES = ("beauty", "skincare", "food", "tech", "slow-fashion"), ("DE", "FR", "US"), ("de", "fr", "en")
WORDS = ("ana", "anna", "anne", "berlin", "berlín", "soap", "makes", "maker", "soaps", "bread", "baker", "vegan", "über", "x1")
STATES, FORMATS = ("Bavaria", "Île-de-France"), ("video", "Story", "live stream")
counts = st.sampled_from((0, 1, 900, 10_000, 10_001, 250_000, 5 * 10**9))
rates = st.sampled_from((0.0, 0.0101, 0.05, 0.1 + 0.2, 1.0))
shares = st.sampled_from((0.001, 0.0015, 0.25, 0.3, 0.305, 0.7, 1.0))
growths = st.sampled_from((-1.0, -0.05, 0.0, 0.1, 3.5))
times = st.sampled_from([iso(AT - timedelta(days=days)) for days in (-3, 0, 6, 7, 8, 40)])
text = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
platforms = [platform.value for platform in Platform]


def some(values: tuple[Any, ...] | list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), max_size=3, unique=True)


def of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(fields)


offers = of(
    platform=st.sampled_from(platforms),
    format=st.sampled_from(FORMATS),
    amount=of(amount=counts, currency=st.sampled_from(("EUR", "USD"))),
    negotiable=st.booleans(),
)
performance = of(
    captured_at=times,
    median_views=st.none() | counts,
    average_views=st.none() | counts,
    engagement_rate=st.none() | rates,
    engagement_rate_method=st.none() | st.sampled_from([method.value for method in EngagementRateMethod]),
    follower_growth=st.none() | growths,
    last_posted_at=st.none() | times,
    sponsored=st.none() | of(posts=counts, median_views=st.none(), engagement_rate=st.none()),
)
audience = of(
    captured_at=times,
    countries=st.dictionaries(st.sampled_from((*COUNTRIES, "unknown")), shares),
    genders=st.dictionaries(st.sampled_from([one.value for one in Gender]), shares),
    ages=st.dictionaries(st.sampled_from([one.value for one in AgeBand]), shares),
    languages=st.dictionaries(st.sampled_from(LANGUAGES), shares),
)
entries = of(
    status=st.sampled_from(("joined", "joined", "joined", "suspended")),
    handle=st.sampled_from(("ana.makes", "anna_bakes", "maker.one", "x1.soap")),
    name=text,
    bio=text,
    country=st.sampled_from(COUNTRIES),
    state=st.none() | st.sampled_from(STATES),
    languages=some(LANGUAGES),
    niches=some(NICHES),
    accounts=st.lists(of(platform=st.sampled_from(platforms)), max_size=3),
    followers=st.none() | counts,
    rate_card=st.lists(offers, max_size=3),
    performance=performance,
    audience=st.none() | audience,
    absence=st.none() | of(starts_at=times, ends_at=st.none() | times),
    badges=st.dictionaries(st.sampled_from([badge.value for badge in Badge]), st.just({})),
    credibility=st.none() | of(score=rates, signals=st.just([]), anomalies=st.just([])),
)


def directory(drawn: list[Document]) -> dict[str, Document]:
    """With an id and a number each."""
    numbered = enumerate(drawn, 1)
    return {f"crt_{n:010d}": {"creator_id": f"crt_{n:010d}", "number": n, **one} for n, one in numbered}


def between(kind: type[Any], values: st.SearchStrategy[Any], **more: Any) -> st.SearchStrategy[Any]:
    ends = st.tuples(st.none() | values, st.none() | values).map(lambda pair: pair if None in pair else (min(pair), max(pair)))
    return st.builds(lambda pair, **others: kind(least=pair[0], most=pair[1], **others), ends, **more)


wanted_shares = st.one_of(
    *(
        st.builds(AudienceShare, kind=st.just(kind), value=st.sampled_from(values), least=shares)
        for kind, values in (
            (AudienceKind.COUNTRY, COUNTRIES),
            (AudienceKind.GENDER, ("female", "male")),
            (AudienceKind.AGE, ("13-17", "18-24", "65+")),
            (AudienceKind.LANGUAGE, LANGUAGES),
        )
    )
)
FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.lists(st.sampled_from((*WORDS, "an", "brlin", "vegna", "nothing")), max_size=2).map(" ".join),
    "niches": some(NICHES),
    "all_niches": some(NICHES),
    "no_niches": some(NICHES),
    "platforms": some(platforms),
    "countries": some(COUNTRIES),
    "states": some(STATES),
    "languages": some(LANGUAGES),
    "followers": between(CountRange, counts),
    "engagement_rate": between(EngagementRateRange, rates, method=st.sampled_from(EngagementRateMethod)),
    "median_views": between(CountRange, counts),
    "average_views": between(CountRange, counts),
    "price": between(
        PriceRange,
        counts,
        currency=st.sampled_from(("EUR", "USD")),
        platform=st.none() | st.sampled_from(Platform),
        format=st.none() | st.sampled_from((*FORMATS, "STORY")),
    ),
    "audience": st.lists(wanted_shares, max_size=2),
    "credibility": rates,
    "growth": between(GrowthRange, growths),
    "posted_within_days": st.sampled_from((1, 7, 8, 365)),
    "badges": some([badge.value for badge in Badge]),
    "available": st.booleans(),
    "sponsored": st.booleans(),
}


@st.composite
def criteria(draw: st.DrawFn) -> Criteria:
    """Of a few filters, so that something may be found."""
    chosen = draw(st.lists(st.sampled_from(sorted(FILTERS)), max_size=3, unique=True))
    return Criteria(**{name: draw(FILTERS[name]) for name in chosen})


@st.composite
def searches(draw: st.DrawFn) -> Search:
    asked = draw(criteria())
    possible = [order for order in CreatorOrder if order is not CreatorOrder.PRICE or asked.price is not None]
    order = draw(st.sampled_from(possible))
    return Search(asked, order, limit=draw(st.sampled_from((1, 3, 100))), at=AT, facets=tuple(draw(some(FACETS))))
