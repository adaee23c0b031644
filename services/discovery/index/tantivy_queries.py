"""What is looked for, as tantivy's queries. They must find exactly what `criteria.matches` lets pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from tantivy import FieldType, Index, Occur, Query

from libs.events.envelope import milliseconds
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
from services.discovery.index.places import DESCENDING, KEYS
from services.discovery.ports import CreatorOrder, Search

Clause = tuple[Occur, Query]


class Queries:
    """Of one index."""

    def __init__(self, index: Index) -> None:
        self._index, self._schema = index, index.schema

    def every(self, search: Search) -> Query:
        """All hits, whatever their order."""
        return _all_of([*self._filters(search), *self._text(search, Closeness.NEARLY)])

    def tiers(self, search: Search) -> list[tuple[int, Query]]:
        """The hits in parts, each to be sorted by its key, one part after the other."""
        if search.order is not CreatorOrder.RELEVANCE or not terms_of(search.criteria.text):
            return [(0, self.every(search))]
        filters = list(self._filters(search))
        return [
            (int(closeness), _all_of([*filters, *self._text(search, closeness), *self._closer(search, closeness)]))
            for closeness in Closeness
        ]

    def _closer(self, search: Search, closeness: Closeness) -> Iterator[Clause]:
        """What stands in the parts before."""
        if closeness is not Closeness.NAMED:
            yield Occur.MustNot, _all_of(self._text(search, Closeness(closeness - 1)))

    def behind(self, query: Query, order: CreatorOrder, key: int) -> Query:
        """Of these, those that come after that key."""
        least, most = (None, key - 1) if DESCENDING[order] else (key + 1, None)
        rest = self._range(KEYS[order], FieldType.Unsigned, least, most)
        return _all_of([(Occur.Must, query), (Occur.Must, rest)])

    # --- filters -----------------------------------------------------------------------------------------------------

    def _filters(self, search: Search) -> Iterator[Clause]:
        criteria = search.criteria
        must = [*self._words(criteria), *self._ranges(criteria), *self._json(criteria)]
        if criteria.posted_within_days is not None:
            since = milliseconds(search.at - timedelta(days=criteria.posted_within_days))
            must.append(self._range("posted_at", FieldType.Unsigned, since, None))
        if not must and not terms_of(criteria.text):
            must.append(self._term("joined", "yes"))  # all filters look at what only they have who are listed
        yield from ((Occur.Must, query) for query in must)
        if criteria.no_niches:
            yield Occur.MustNot, Query.term_set_query(self._schema, "niches", list(criteria.no_niches))
        if criteria.available:
            now = milliseconds(search.at)
            gone = self._range("away_from", FieldType.Unsigned, None, now)
            back = self._range("away_until", FieldType.Unsigned, now + 1, None)
            yield Occur.MustNot, _all_of([(Occur.Must, gone), (Occur.Must, back)])

    def _words(self, criteria: Criteria) -> Iterator[Query]:
        chosen = {
            "niches": criteria.niches,
            "platforms": criteria.platforms,
            "country": criteria.countries,
            "state": criteria.states,
            "languages": criteria.languages,
        }
        for field, values in chosen.items():
            if len(values) == 1:
                yield self._term(field, str(values[0]))
            elif values:
                yield Query.term_set_query(self._schema, field, [str(value) for value in values])
        yield from (self._term("niches", niche) for niche in criteria.all_niches)
        yield from (self._term("badges", badge.value) for badge in criteria.badges)
        if criteria.sponsored:
            yield self._term("sponsored", "yes")
        if criteria.engagement_rate:
            yield self._term("method", criteria.engagement_rate.method.value)

    def _ranges(self, criteria: Criteria) -> Iterator[Query]:
        counts = {
            "followers": criteria.followers,
            "median_views": criteria.median_views,
            "average_views": criteria.average_views,
        }
        for field, wanted in counts.items():
            if wanted:
                yield self._bounded(field, FieldType.Unsigned, wanted)
        for field, within in (("engagement_rate", criteria.engagement_rate), ("growth", criteria.growth)):
            if within:
                yield self._bounded(field, FieldType.Float, within)
        if criteria.credibility is not None:
            yield self._range("credibility", FieldType.Float, criteria.credibility, None)

    def _bounded(self, field: str, kind: FieldType, wanted: CountRange | EngagementRateRange | GrowthRange) -> Query:
        if wanted.least is None and wanted.most is None:
            return Query.exists_query(field)
        return self._range(field, kind, wanted.least, wanted.most)

    def _range(self, field: str, kind: FieldType, least: float | None, most: float | None) -> Query:
        return Query.range_query(self._schema, field, kind, least, most)

    def _term(self, field: str, value: str) -> Query:
        return Query.term_query(self._schema, field, value, index_option="basic")

    def _json(self, criteria: Criteria) -> Iterator[Query]:
        """Ranges of fields that differ from creator to creator can be asked for in words only; none of them is a user's."""
        if criteria.price:
            yield self._price(criteria.price)
        yield from map(self._share, criteria.audience)

    def _price(self, wanted: PriceRange) -> Query:
        key = price_key(wanted.currency, wanted.platform, wanted.format)
        least, most = (wanted.least or 0), ("*" if wanted.most is None else wanted.most)
        return self._index.parse_query(f"prices.{key}:[{least} TO {most}]")

    def _share(self, wanted: AudienceShare) -> Query:
        return self._index.parse_query(f"shares.{share_key(wanted.kind, wanted.value)}:[{needed(wanted)} TO *]")

    # --- text --------------------------------------------------------------------------------------------------------

    def _text(self, search: Search, closeness: Closeness) -> Sequence[Clause]:
        """Each word is met at least so closely."""
        return [(Occur.Must, _any_of(list(self._met(term, closeness)))) for term in terms_of(search.criteria.text)]

    def _met(self, term: str, closeness: Closeness) -> Iterator[Query]:
        fields = ("named",) if closeness is Closeness.NAMED else ("named", "said")
        yield from (self._term(field, term) for field in fields)
        if closeness >= Closeness.BEGUN and len(term) >= LEAST_PREFIX:
            yield from (Query.fuzzy_term_query(self._schema, field, term, 0, True, True) for field in fields)
        if closeness >= Closeness.NEARLY and (most := slips(term)):
            yield from (Query.fuzzy_term_query(self._schema, field, term, most, True, False) for field in fields)


def _all_of(clauses: Sequence[Clause]) -> Query:
    return clauses[0][1] if len(clauses) == 1 and clauses[0][0] == Occur.Must else Query.boolean_query(list(clauses))


def _any_of(queries: Sequence[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])
