"""What is looked for, as requests to OpenSearch. They must find exactly what `criteria.matches` lets pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from libs.events.envelope import milliseconds
from libs.events.ports import Document
from services.discovery.domain.criteria import (
    AudienceShare,
    CountRange,
    Criteria,
    EngagementRateRange,
    GrowthRange,
    PriceRange,
    needed,
)
from services.discovery.domain.text import LEAST_PREFIX, Closeness, slips, terms_of
from services.discovery.index.fields import price_key, share_key
from services.discovery.index.opensearch_schema import DIGITS, JOINED, number_term
from services.discovery.index.places import DESCENDING, KEYS
from services.discovery.ports import MOST_BUCKETS, CreatorOrder, Place, Search

FARTHEST = max(Closeness) + 1
"""The score of a hit is this less its closeness."""
EVERY_BUCKET = 1_000
"""More than any facet has: each shard tells all of its own, so that sums are exact."""
EVERY_WORD = 10_000
"""Words of one beginning that a shard tells; with more of them the counts of rare ones may fall short."""
MOST = 10**DIGITS - 1
"""No number of a term is larger."""


def search_body(search: Search) -> Document:
    """One request: a page in order, the total, and the facets."""
    body: Document = {
        "size": search.limit,
        "query": _query(search),
        "sort": _sort(search),
        "track_total_hits": True,
        "_source": ["entry"],
    }
    if search.after is not None:
        body["search_after"] = _after(search, search.after)
    if search.facets:
        body["aggs"] = {name: _counted(name, MOST_BUCKETS, EVERY_BUCKET) for name in search.facets}
    return body


def values_body(criteria: Criteria, measures: Sequence[str], at: datetime, size: int, after: Sequence[int] | None) -> Document:
    """A page of what was measured of those who are looked for."""
    key = KEYS[CreatorOrder.FOLLOWERS]
    body: Document = {
        "size": size,
        "query": matching(criteria, at),
        "sort": [{key: "desc"}],
        "track_total_hits": False,
        "_source": False,
        "docvalue_fields": list(measures),
    }
    return body if after is None else body | {"search_after": list(after)}


def words_body(beginning: str, limit: int) -> Document:
    """Words are letters and digits: none means anything in an expression."""
    counted = _counted("named", limit, EVERY_WORD)
    counted["terms"]["include"] = f"{beginning}.*"
    return {"size": 0, "query": _prefix("named", beginning), "track_total_hits": False, "aggs": {"words": counted}}


def place_of(search: Search, sort: Sequence[float]) -> Place:
    """Of a hit that was sorted by these."""
    closeness = FARTHEST - round(sort[0]) if _by_closeness(search) else 0
    return Place(closeness, int(sort[-1]))


# --- order -------------------------------------------------------------------------------------------------------------


def _by_closeness(search: Search) -> bool:
    return search.order is CreatorOrder.RELEVANCE and bool(terms_of(search.criteria.text))


def _sort(search: Search) -> list[Document]:
    keyed = {KEYS[search.order]: "desc" if DESCENDING[search.order] else "asc"}
    return [{"_score": "desc"}, keyed] if _by_closeness(search) else [keyed]


def _after(search: Search, place: Place) -> list[int]:
    return [FARTHEST - place.closeness, place.key] if _by_closeness(search) else [place.key]


def _query(search: Search) -> Document:
    if not _by_closeness(search):
        return matching(search.criteria, search.at)
    terms = terms_of(search.criteria.text)
    tiers = [{"constant_score": {"filter": _text(terms, closeness), "boost": FARTHEST - closeness}} for closeness in Closeness]
    return {"bool": {"must": [{"dis_max": {"queries": tiers}}], **_filters(search.criteria, search.at)}}


def _counted(field: str, size: int, every: int) -> Document:
    order = [{"_count": "desc"}, {"_key": "asc"}]
    return {"terms": {"field": field, "size": size, "shard_size": every, "order": order}}


# --- filters -----------------------------------------------------------------------------------------------------------


def matching(criteria: Criteria, at: datetime) -> Document:
    """All who are looked for, in whatever order."""
    filters = _filters(criteria, at)
    if terms := terms_of(criteria.text):
        filters["filter"].append(_text(terms, Closeness.NEARLY))
    return {"bool": filters}


def _filters(criteria: Criteria, at: datetime) -> Document:
    must = [JOINED, *_words(criteria), *_ranges(criteria), *map(_share, criteria.audience)]
    if criteria.posted_within_days is not None:
        must.append(_range("posted_at", milliseconds(at - timedelta(days=criteria.posted_within_days)), None))
    if criteria.price:
        must.append(_price(criteria.price))
    return {"filter": must, "must_not": list(_excluded(criteria, milliseconds(at)))}


def _words(criteria: Criteria) -> Iterator[Document]:
    chosen = {
        "niches": criteria.niches,
        "platforms": criteria.platforms,
        "country": criteria.countries,
        "state": criteria.states,
        "languages": criteria.languages,
    }
    yield from ({"terms": {field: [str(value) for value in values]}} for field, values in chosen.items() if values)
    yield from (_term("niches", niche) for niche in criteria.all_niches)
    yield from (_term("badges", badge.value) for badge in criteria.badges)
    if criteria.sponsored:
        yield _term("sponsored", "yes")
    if criteria.engagement_rate:
        yield _term("method", criteria.engagement_rate.method.value)


def _ranges(criteria: Criteria) -> Iterator[Document]:
    wanted: dict[str, CountRange | EngagementRateRange | GrowthRange | None] = {
        "followers": criteria.followers,
        "median_views": criteria.median_views,
        "average_views": criteria.average_views,
        "engagement_rate": criteria.engagement_rate,
        "growth": criteria.growth,
    }
    yield from (_range(field, within.least, within.most) for field, within in wanted.items() if within)
    if criteria.credibility is not None:
        yield _range("credibility", criteria.credibility, None)


def _excluded(criteria: Criteria, now: int) -> Iterator[Document]:
    if criteria.no_niches:
        yield {"terms": {"niches": list(criteria.no_niches)}}
    if criteria.available:
        yield {"bool": {"filter": [_range("away_from", None, now), _range("away_until", now + 1, None)]}}


def _price(wanted: PriceRange) -> Document:
    most = MOST if wanted.most is None else wanted.most
    return _numbers("prices", price_key(wanted.currency, wanted.platform, wanted.format), wanted.least or 0, most)


def _share(wanted: AudienceShare) -> Document:
    return _numbers("shares", share_key(wanted.kind, wanted.value), needed(wanted), MOST)


def _numbers(field: str, name: str, least: int, most: int) -> Document:
    return {"range": {field: {"gte": number_term(name, least), "lte": number_term(name, most)}}}


def _range(field: str, least: float | None, most: float | None) -> Document:
    """Without bounds: it was measured."""
    bounds = {"gte": least, "lte": most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"range": {field: given}} if given else {"exists": {"field": field}}


def _term(field: str, value: str) -> Document:
    return {"term": {field: value}}


# --- text --------------------------------------------------------------------------------------------------------------


def _text(terms: Sequence[str], closeness: Closeness) -> Document:
    """Each word is met at least so closely."""
    return {"bool": {"filter": [{"bool": {"should": list(_met(term, closeness))}} for term in terms]}}


def _met(term: str, closeness: Closeness) -> Iterator[Document]:
    fields = ("named",) if closeness is Closeness.NAMED else ("named", "said")
    yield from (_term(field, term) for field in fields)
    if closeness >= Closeness.BEGUN and len(term) >= LEAST_PREFIX:
        yield from (_prefix(field, term) for field in fields)
    if closeness >= Closeness.NEARLY and (most := slips(term)):
        yield from (_fuzzy(field, term, most) for field in fields)


def _prefix(field: str, beginning: str) -> Document:
    return {"prefix": {field: {"value": beginning, "rewrite": "constant_score"}}}


def _fuzzy(field: str, term: str, most: int) -> Document:
    """Rewritten so that all words that are near count, not the nearest few."""
    return {"fuzzy": {field: {"value": term, "fuzziness": most, "transpositions": True, "rewrite": "constant_score"}}}
