"""Finding creators: filters, facets, orders and pages, and why each was found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from libs.chassis.message_reading import Once
from libs.chassis.rpcs import Reads, Request
from libs.events.cursors import bound_to, read_cursor, write_cursor
from libs.events.decider import Kind, Refusal
from libs.events.ports import Document
from services.discovery.domain.criteria import Criteria, is_away, met, named, said
from services.discovery.domain.text import LEAST_PREFIX, Closeness, closeness, terms_of, words
from services.discovery.index.places import value_of
from services.discovery.ports import CreatorIndex, CreatorOrder, Found, Place, Search

SHOWN = (
    *("creator_id", "handle", "name", "bio", "country", "state", "city", "languages", "niches", "accounts", "followers"),
    *("rate_card", "performance", "audience", "credibility", "absence"),
)
"""What everyone sees of an entry."""
VARIES = frozenset({"away", "matched", "explanation"})
"""What of a hit depends on the search."""
FacetName = Literal["niches", "country", "languages", "platforms", "badges"]


class SearchCreators(Criteria, Request):
    """All filters must hold; of the values within one filter any, but for those that say all or none."""

    order: CreatorOrder | None = None
    """By relevance where a text is given, else by followers."""
    facets: Annotated[tuple[FacetName, ...], Field(max_length=5)] = ()
    page_size: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] = ""
    explain: bool = False

    def criteria(self) -> Criteria:
        return Criteria(**{name: getattr(self, name) for name in Criteria.model_fields})


class SuggestWords(Request):
    """The beginning of a word."""

    beginning: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    limit: Annotated[int, Field(ge=1, le=20)] = 10


class Searching:
    """Answers from the index."""

    def __init__(self, index: CreatorIndex) -> None:
        self._index = index

    async def search(self, request: SearchCreators, reads: Reads) -> Document:
        """A page of creators, how many there are in all, and of each which filters it met, and how."""
        criteria, order = request.criteria(), request.order or _usual_order(request)
        _check(criteria, order)
        bound = bound_to(criteria.model_dump(mode="json"), order)
        after = Place(*_place(request.cursor, bound)) if request.cursor else None
        at = reads.clock.now()
        found = await self._index.search(Search(criteria, order, request.page_size + 1, at, after, tuple(request.facets)))
        hits = found.hits[: request.page_size]
        last = hits[-1][0] if len(found.hits) > len(hits) else None
        return {
            "creators": [shown(entry, criteria, at, explained=order if request.explain else None) for _, entry in hits],
            "total_size": found.total,
            "facets": list(_facets(found)),
            "next_cursor": write_cursor(bound, (last.closeness, last.key)) if last else "",
        }

    async def suggest(self, request: SuggestWords, reads: Reads) -> Document:
        """Words that begin so, from two letters on. Of several words the last one is completed."""
        last = words(request.beginning)[-1:]
        found = await self._index.complete(last[0], request.limit) if last and len(last[0]) >= LEAST_PREFIX else []
        return {"words": [{"word": word, "creators": count} for word, count in found]}


def _usual_order(criteria: Criteria) -> CreatorOrder:
    return CreatorOrder.RELEVANCE if terms_of(criteria.text) else CreatorOrder.FOLLOWERS


def _check(criteria: Criteria, order: CreatorOrder) -> None:
    """Raises `Refusal`."""
    criteria.check()
    if order is CreatorOrder.ENGAGEMENT_RATE and criteria.engagement_rate is None:
        said = "rates by different methods do not compare: name one in engagementRate.method to sort by it"
        raise Refusal("ENGAGEMENT_METHOD_REQUIRED", said, kind=Kind.INVALID_ARGUMENT, field="engagement_rate")
    if order is CreatorOrder.PRICE and criteria.price is None:
        said = "prices in different currencies do not compare: name one in price.currency to sort by it"
        raise Refusal("CURRENCY_REQUIRED", said, kind=Kind.INVALID_ARGUMENT, field="price")
    if order is CreatorOrder.RELEVANCE and not terms_of(criteria.text):
        said = "relevance is the closeness of words: give a text with a word in it, or another order"
        raise Refusal("TEXT_REQUIRED", said, kind=Kind.INVALID_ARGUMENT, field="text")


def _place(cursor: str, bound: str) -> tuple[int, int]:
    closeness, key = read_cursor(cursor, bound, 2)
    if type(closeness) is not int or type(key) is not int or not (0 <= closeness <= 3 and 0 <= key < 2**63):
        raise Refusal("CURSOR_INVALID", "not a cursor of ours: begin without one", kind=Kind.INVALID_ARGUMENT, field="cursor")
    return closeness, key


def _facets(found: Found) -> Iterator[Document]:
    for name, counts in found.facets.items():
        yield {"name": name, "buckets": [{"value": value, "creators": count} for value, count in counts.items()]}


# --- A hit -----------------------------------------------------------------------------------------------------------


def shown(entry: Document, criteria: Criteria, at: datetime, *, explained: CreatorOrder | None = None) -> Document:
    """What a brand sees of a hit. `explained`: the order in which it was found, if it is to be told why there."""
    matched = [{"filter": name, "value": value} for name, value in met(entry, criteria, at) or ()]
    badges = [{"badge": badge, "evidence": evidence} for badge, evidence in sorted(entry["badges"].items())]
    hit = {name: entry[name] for name in SHOWN} | {"badges": badges, "away": is_away(entry, at), "matched": matched}
    if explained is not None:
        hit["explanation"] = _explanation(entry, criteria, explained, at)
    return Once(hit, (entry["creator_id"], entry["changed"]), VARIES)


def _explanation(entry: Document, criteria: Criteria, order: CreatorOrder, at: datetime) -> Document:
    """Terms, parts of the score in the order in which they are compared, how old the measurements are, and what is missing."""
    terms, audience = terms_of(criteria.text), entry["audience"]
    return {
        "terms": [{"term": term, "closeness": how.name.lower()} for term, how in _each(terms, entry)],
        "score": [{"name": name, "value": value} for name, value in _compared(entry, terms, order)],
        "performance_age_days": _age(entry["performance"]["captured_at"], at),
        "audience_age_days": audience and _age(audience["captured_at"], at),
        "missing": list(_missing(entry)),
    }


def _compared(entry: Document, terms: tuple[str, ...], order: CreatorOrder) -> Iterator[tuple[str, float]]:
    """What decides its place in this order. What was not measured is left out, and comes last."""
    if order is CreatorOrder.RELEVANCE:
        close = closeness(terms, named(entry), said(entry))
        yield "closeness", float(max(Closeness) - (Closeness.NEARLY if close is None else close))
        order = CreatorOrder.FOLLOWERS
    value = value_of(entry, order)
    if value is not None:
        yield order.value, value


def _each(terms: tuple[str, ...], entry: Document) -> Iterator[tuple[str, Closeness]]:
    for term in terms:
        how = closeness((term,), named(entry), said(entry))
        if how is not None:
            yield term, how


def _age(captured_at: str, at: datetime) -> float:
    return round((at - datetime.fromisoformat(captured_at)).total_seconds() / 86_400, 2)


def _missing(entry: Document) -> Iterator[str]:
    yield from entry["lacking"]
    measured: dict[str, Any] = entry["performance"]
    yield from (f"performance.{name}" for name, value in measured.items() if value is None)
