"""Creators like others, creators for a campaign, and what is usual among peers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import Badge, CampaignId, CreatorId, EngagementRateMethod, Platform
from libs.events.decider import Kind, Refusal, Role, not_found
from libs.events.ports import Document
from services.discovery.domain.criteria import CountRange, Criteria, EngagementRateRange, PriceRange
from services.discovery.domain.fit import Fit, Wanted, Weights, averaged, scored, similarity, suitability
from services.discovery.domain.fit import shown as shown_fit
from services.discovery.domain.taxonomy import NICHES, check_known
from services.discovery.domain.text import words
from services.discovery.domain.tiers import BOUNDS, LEAST, QUARTILES, Tier, quantile
from services.discovery.ports import CreatorIndex, CreatorOrder, Search
from services.discovery.searching import shown

CANDIDATES = 800
"""Creators that are looked at closely, at most, of each group of those that may fit at all: those with most followers."""
SIZES = 10
"""Times as many followers, or a tenth: further away nobody is similar."""
CHEAP = 5
"""A creator is cheap who takes this part of the budget: its price cannot fit better (`domain.fit`)."""
BANDS = 8
"""Groups of about the same size that the similar ones are looked for in."""
MEASURES = ("followers", "engagement_rate", "median_views", "average_views", "growth")


class FindSimilarCreators(Request):
    """Up to five creators; those who are like them, on average, within `filters`."""

    creator_ids: Annotated[tuple[CreatorId, ...], Field(min_length=1, max_length=5)]
    filters: Criteria = Criteria()
    page_size: Annotated[int, Field(ge=1, le=100)] = 20


class RecommendCreators(Request):
    """`filters` narrow; the audience shares among them are wanted, not required."""

    campaign_id: CampaignId
    filters: Criteria = Criteria()
    page_size: Annotated[int, Field(ge=1, le=100)] = 20


class BatchGetCreators(Request):
    creator_ids: Annotated[tuple[CreatorId, ...], Field(min_length=1, max_length=100)]


class GetBenchmarks(Request):
    """A cohort. Rates compare by one method only."""

    niche: Annotated[str, StringConstraints(max_length=40)]
    tier: Tier
    method: EngagementRateMethod = EngagementRateMethod.BY_VIEWS


class Fitting:
    """Answers from the index."""

    def __init__(self, index: CreatorIndex, weights: Weights) -> None:
        self._index, self._weights = index, weights

    async def batch_get(self, request: BatchGetCreators, reads: Reads) -> Document:
        """Those of them who have joined, in the order asked for."""
        found, at = await self._index.get(request.creator_ids), reads.clock.now()
        listed = [found[id_] for id_ in dict.fromkeys(request.creator_ids) if id_ in found]
        return {"creators": [shown(entry, Criteria(), at) for entry in listed if entry["status"] == "joined"]}

    async def similar(self, request: FindSimilarCreators, reads: Reads) -> Document:
        request.filters.check()
        found = await self._index.get(request.creator_ids)
        missing = [id_ for id_ in request.creator_ids if found.get(id_, {}).get("status") != "joined"]
        if missing:
            raise Refusal("NOT_FOUND", f"no such creator: {missing[0]}", kind=Kind.NOT_FOUND, field="creator_ids")
        seeds = list(found.values())
        candidates = await self._candidates(_near(request.filters, seeds), reads)
        fits = {
            entry["creator_id"]: averaged([similarity(entry, seed) for seed in seeds])
            for entry in candidates.values()
            if entry["creator_id"] not in found
        }
        return self._best(candidates, fits, self._weights.similar, request, reads)

    async def recommend(self, request: RecommendCreators, reads: Reads) -> Document:
        campaign = await reads.views.one("campaigns", request.campaign_id)
        if campaign is None or not _may_ask(reads, campaign):
            raise not_found("campaign")
        request.filters.check()
        wanted = _wanted(campaign, request.filters)
        narrowed = request.filters.model_copy(update={"audience": (), "available": True})
        platforms = tuple(dict.fromkeys(one["platform"] for one in campaign["deliverables"]))
        if platforms and not narrowed.platforms:
            narrowed = narrowed.model_copy(update={"platforms": platforms})
        spoken = tuple(sorted(niche for niche in NICHES if wanted.words & {*words(niche)}))
        candidates = await self._candidates(_promising(narrowed, spoken, wanted), reads)
        engaged = set(campaign.get("engaged", ()))
        fits = {id_: suitability(entry, wanted) for id_, entry in candidates.items() if id_ not in engaged}
        return self._best(candidates, fits, self._weights.campaign, request, reads)

    async def benchmarks(self, request: GetBenchmarks, reads: Reads) -> Document:
        check_known([request.niche], NICHES, "niche", "niche")
        least, most = BOUNDS[request.tier]
        cohort = Criteria(niches=(request.niche,), followers=CountRange(least=least, most=most))
        measured = dict(await self._index.values(cohort, MEASURES, reads.clock.now()))
        by_method = cohort.model_copy(update={"engagement_rate": EngagementRateRange(method=request.method)})
        measured |= await self._index.values(by_method, ("engagement_rate",), reads.clock.now())
        n = len(measured["followers"])
        if n < LEAST:
            said = f"the cohort has {n} creators: of fewer than {LEAST} one could be told from the others"
            raise Refusal("COHORT_TOO_SMALL", said, n=n, least=LEAST)
        told = [_quartiles(name, measured[name]) for name in MEASURES if len(measured[name]) >= LEAST]
        return {"niche": request.niche, "tier": request.tier, "least": least, "most": most, "n": n, "measures": told}

    async def _candidates(self, groups: Sequence[Criteria], reads: Reads) -> dict[str, Document]:
        """Of each group as many as of the others, by followers."""
        at, most = reads.clock.now(), CANDIDATES // len(groups)
        searches = [self._index.search(Search(group, CreatorOrder.FOLLOWERS, most, at)) for group in groups]
        return {entry["creator_id"]: entry for found in await asyncio.gather(*searches) for _, entry in found.hits}

    def _best(
        self,
        candidates: Mapping[str, Document],
        fits: Mapping[str, Sequence[Fit]],
        weights: Mapping[str, float],
        request: FindSimilarCreators | RecommendCreators,
        reads: Reads,
    ) -> Document:
        """The best first; among equals whoever joined first."""
        ranked = [(*scored(fit, weights), candidates[id_]) for id_, fit in fits.items()]
        ranked.sort(key=lambda one: (-one[0], one[2]["number"]))
        at = reads.clock.now()
        return {
            "creators": [
                {"creator": shown(entry, request.filters, at), "fit": shown_fit(score, parts)}
                for score, parts, entry in ranked[: request.page_size]
            ]
        }


def _near(filters: Criteria, seeds: Sequence[Document]) -> list[Criteria]:
    """Who may be similar at all: a niche in common (where the seeds have any), and not of another size altogether. In bands of
    about the same size: else the largest alone would be looked at, who are the least similar."""
    niches = tuple(dict.fromkeys(niche for seed in seeds for niche in seed["niches"]))
    sizes = [seed["followers"] for seed in seeds if seed["followers"]]
    changes: dict[str, Any] = {}
    if niches and not filters.niches:
        changes["niches"] = niches[:50]
    if sizes and filters.followers is None:
        return [filters.model_copy(update={**changes, "followers": band}) for band in bands_of(min(sizes), max(sizes))]
    return [filters.model_copy(update=changes)]


def bands_of(least: int, most: int) -> Iterator[CountRange]:
    """From a tenth of the least to ten times the most, each band as many times its beginning as the others."""
    begins, ends = max(1, least // SIZES), most * SIZES
    steps = sorted({round(begins * (ends / begins) ** (n / BANDS)) for n in range(BANDS)})
    for start, following in pairwise([*steps, ends + 1]):
        yield CountRange(least=start, most=following - 1)


def _promising(narrowed: Criteria, niches: Sequence[str], wanted: Wanted) -> list[Criteria]:
    """Who may fit a campaign: anyone; who has its niches; and of these who can be paid, and is cheap, reliable, or has the
    audience that is wanted. Those with most followers alone would be those who cost most."""
    closer = narrowed.model_copy(update={"niches": narrowed.niches or tuple(niches[:50])})
    groups = [narrowed, closer]
    affordable = closer
    if wanted.budget and wanted.currency and wanted.deliverables and narrowed.price is None:
        platform, what = wanted.deliverables[0]
        for share in (CHEAP, 1):
            most = wanted.budget // share
            price = PriceRange(most=most, currency=wanted.currency, platform=Platform(platform), format=what)
            affordable = closer.model_copy(update={"price": price})
            groups.append(affordable)
    if wanted.audience:
        groups.append(affordable.model_copy(update={"audience": wanted.audience}))
    if not narrowed.badges:
        groups.append(affordable.model_copy(update={"badges": (Badge.RELIABLE,)}))
    return list(dict.fromkeys(groups))


def _may_ask(reads: Reads, campaign: Document) -> bool:
    return reads.actor.role is not Role.BRAND or campaign.get("brand_id") == reads.actor.party


def _wanted(campaign: Document, filters: Criteria) -> Wanted:
    brief, budget = campaign["brief"], campaign["budget"]
    texts = (campaign["name"], *brief["do"], *brief["talking_points"], *brief["hashtags"])
    deliverables = tuple((one["platform"], one["format"]) for one in campaign["deliverables"])
    spoken = frozenset(word for text in texts for word in words(text) if len(word) > 2)
    return Wanted(
        words=spoken,
        audience=filters.audience,
        deliverables=deliverables,
        budget=budget and budget["amount"],
        currency=budget and budget["currency"],
    )


def _quartiles(name: str, values: Sequence[float]) -> Document:
    ordered = sorted(values)
    p25, p50, p75 = (quantile(ordered, fraction) for fraction in QUARTILES)
    return {"name": name, "n": len(ordered), "p25": p25, "p50": p50, "p75": p75}
