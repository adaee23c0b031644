"""The plot, first part: who takes part, and what they agree on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cli.story import money, results, work
from cli.story.api import Api, Json
from cli.story.cast import creators
from cli.story.deal import Deal, Pause, dollars
from cli.story.narrator import Narrator
from libs.events.envelope import iso
from libs.events.ids import compose, derive

AT_ONCE = 16
"""Applications under way at the same time."""
WANTED: Json = {
    "niches": ["cooking"],
    "countries": ["DE", "FR", "US"],
    "followers": {"least": 10_000},
    "engagementRate": {"least": 0.02, "method": "by_views"},
    "order": "engagement_rate",
}


def wall_clock() -> datetime:
    return datetime.now(UTC)


async def play(
    api: Api,
    narrator: Narrator,
    *,
    seed: int = 1,
    creators: int = 200,
    now: Callable[[], datetime] = wall_clock,
    before: Pause | None = None,
) -> Deal:
    """Plays the whole story; raises `Broken` where it does not hold. `before` is awaited at the start of each chapter."""
    deal = Deal(api, narrator, now, seed, creators)
    if before is not None:
        deal.before = before
    await perform(deal)
    return deal


async def perform(deal: Deal) -> None:
    """Plays it to its end; raises `Broken` where it does not hold."""
    await brand_is_verified(deal)
    await creators_apply(deal)
    await campaign_is_launched(deal)
    await creators_are_found(deal)
    await terms_are_negotiated(deal)
    await money.is_held(deal)
    await work.is_done(deal)
    await money.is_released(deal)
    await money.is_refunded(deal)
    await results.are_measured(deal)
    await results.are_traced(deal)


async def brand_is_verified(deal: Deal) -> None:
    await deal.chapter("A brand registers, and an operator verifies it")
    api = deal.api
    deal.operator = api.person("olga", "operator")
    brand_id = deal.ids["brand"] = compose("brd", deal.now(), random.Random(api.run).getrandbits(80))
    deal.brand = api.person("bruno", "brand", brand_id)
    await api.post(deal.brand, "/v1/brands", {"name": "Glow Foods", "website": "https://glow.example"})
    papers = {"legalName": "Glow Foods GmbH", "registrationNumber": "HRB 12345"}
    brand = await api.post(deal.brand, f"/v1/brands/{brand_id}:submitVerification", papers)
    deal.check("the brand waits for its verification", brand["status"] == "verification_submitted", brand)
    await deal.refused(
        "a brand cannot verify itself", 403, "ROLE_NOT_ALLOWED", api.post(deal.brand, f"/v1/brands/{brand_id}:verify")
    )
    brand = await api.post(deal.operator, f"/v1/brands/{brand_id}:verify")
    deal.check("the operator verified the brand", brand["status"] == "verified", brand)
    deal.tell("Glow Foods is verified.", brand=brand_id)


async def creators_apply(deal: Deal) -> None:
    await deal.chapter(f"{deal.creators} creators apply; the policy lets in who is eligible, and says why not")
    gate, reasons = asyncio.Semaphore(AT_ONCE), Counter[str]()
    chance = random.Random(f"{deal.api.run}/{deal.seed}").getrandbits(64)
    with deal.narrator.progress("applications", deal.creators) as advance:

        async def apply(creator_id: str, application: Json) -> None:
            async with gate:
                creator = await deal.api.post(deal.creator(creator_id), "/v1/creators", application)
            if creator["status"] == "joined":
                deal.joined[creator_id] = application
            else:
                deal.check("a rejection says why and until when", bool(creator["reasons"] and creator["reapplyAfter"]), creator)
                reasons.update(reason["code"] for reason in creator["reasons"])
            advance()

        await asyncio.gather(*(apply(*one) for one in creators(deal.creators, deal.seed, chance, deal.now())))
    deal.check("some are let in, some are not", 0 < len(deal.joined) < deal.creators, len(deal.joined))
    deal.tell(f"{len(deal.joined)} joined, {deal.creators - len(deal.joined)} were rejected.", reasons=_counted(reasons))


async def campaign_is_launched(deal: Deal) -> None:
    await deal.chapter("The brand drafts a campaign and launches it")
    api, at = deal.api, deal.now()
    schedule = {"startsAt": iso(at - timedelta(hours=1)), "endsAt": iso(at + timedelta(days=30))}
    brief: Json = {"do": ["Show the bowl"], "hashtags": ["#glowbowl"], "mentions": ["@glow"]}
    draft: Json = {
        "name": "Five-minute breakfasts",
        "objective": "conversions",
        "mode": "open",
        "budget": {"amount": 500_000, "currency": "USD"},
        "schedule": schedule,
        "deliverables": [{"platform": "tiktok", "format": "video"}],
        "brief": brief,
    }
    campaign = await api.post(deal.brand, "/v1/campaigns", draft)
    problem = await deal.refused(
        "a campaign without a disclosure label is not launched",
        409,
        "NOT_READY_TO_LAUNCH",
        api.post(deal.brand, f"/v1/campaigns/{campaign['campaignId']}:launch"),
    )
    deal.tell("Launching is refused as long as something is missing.", told=problem["detail"])
    draft["brief"] = {**brief, "disclosureLabel": "#ad"}
    campaign = await api.post(deal.brand, "/v1/campaigns", draft)
    campaign_id = deal.ids["campaign"] = campaign["campaignId"]
    campaign = await api.post(deal.brand, f"/v1/campaigns/{campaign_id}:launch")
    deal.check("the campaign is launched", campaign["status"] == "launched", campaign)
    deal.tell("“Five-minute breakfasts” is live.", campaign=campaign_id, budget=dollars(campaign["budget"]))


async def creators_are_found(deal: Deal) -> None:
    await deal.chapter("The brand searches by niche, country, followers and engagement rate")
    expected = {key for key, application in deal.joined.items() if _wanted(application)}
    found = await deal.api.until(
        "the search finds who joined",
        lambda: _search(deal),
        lambda it: expected <= {hit["creatorId"] for hit in it["creators"]},
    )
    rates = [hit["performance"]["engagementRate"] for hit in found["creators"]]
    deal.check("hits come in the order asked for", rates == sorted(rates, reverse=True), rates)
    deal.check("every hit says why it matched", all(hit["matched"] for hit in found["creators"]))
    strangers = [hit for hit in found["creators"] if not _wanted(hit)]
    deal.check("every hit is what was asked for", not strangers, strangers)
    hits = [hit for hit in found["creators"] if hit["creatorId"] in expected]
    deal.check("at least four of this story's creators are found", len(hits) >= 4, len(hits))
    deal.ids |= {name: hit["creatorId"] for name, hit in zip(("ana", "bea", "caro", "dilan"), hits, strict=False)}
    rows = [
        (hit["handle"], hit["country"], f"{hit['followers']:,}", f"{hit['performance']['engagementRate']:.2%}", _why(hit))
        for hit in hits[:5]
    ]
    deal.narrator.table(
        f"{found['totalSize']} creators match", ("creator", "country", "followers", "engagement by views", "why"), rows
    )


async def terms_are_negotiated(deal: Deal) -> None:
    await deal.chapter("Three are invited, one applies by itself; offers, a counter-offer, an agreement")
    api, campaign_id = deal.api, deal.ids["campaign"]
    invited = [deal.ids[name] for name in ("ana", "bea", "caro")]
    offer = terms(deal, 150_000)
    await api.post(deal.brand, f"/v1/campaigns/{campaign_id}:invite", {"creatorIds": invited, "terms": offer})
    dilan = deal.creator(deal.ids["dilan"])
    own_offer = {"terms": terms(deal, 90_000), "message": "I cook every morning."}
    await api.post(dilan, f"/v1/campaigns/{campaign_id}/applications", own_offer)
    for name in ("ana", "bea", "caro", "dilan"):
        engagement_id = deal.ids[f"{name}'s engagement"] = derive("eng", campaign_id, deal.ids[name])
        await api.until(f"{name}'s engagement opens", partial(api.get, deal.brand, f"/v1/engagements/{engagement_id}"))
    deal.tell("Ana, Bea and Caro are invited for 1,500.00 USD; Dilan applies for 900.00 USD.")

    ana, hers = deal.creator(deal.ids["ana"]), "/v1/engagements/" + deal.ids["ana's engagement"]
    await api.post(ana, f"{hers}/offers", {"terms": terms(deal, 180_000), "message": "With a second cut for you."})
    problem = await deal.refused(
        "a stale acceptance is refused", 409, "OFFER_STALE", api.post(deal.brand, f"{hers}/offers/1:accept")
    )
    deal.tell("Ana counters; the brand, a version behind, is refused.", told=problem["detail"])
    await deal.refused("nobody accepts an offer of its own", 409, "OWN_OFFER", api.post(ana, f"{hers}/offers/2:accept"))
    agreed = await api.post(deal.brand, f"{hers}/offers/2:accept")
    deal.check("the brand accepted that version", agreed["status"] == "agreed", agreed)
    deal.tell("The brand accepts version 2.", fee=dollars(agreed["offers"][1]["terms"]["fee"]))

    bea, beas, dilans = deal.creator(deal.ids["bea"]), deal.ids["bea's engagement"], deal.ids["dilan's engagement"]
    declined = await api.post(bea, f"/v1/engagements/{beas}:decline", {"reason": "On holiday."})
    deal.check("Bea declined", declined["status"] == "declined", declined)
    await api.post(deal.brand, f"/v1/engagements/{dilans}/offers/1:accept")
    stranger = deal.creator(deal.ids["caro"])
    await deal.refused("what is not yours does not exist", 404, "NOT_FOUND", api.get(stranger, hers))
    deal.tell("Bea declines, Caro keeps silent, and Dilan's application is accepted. Caro cannot see Ana's engagement.")


async def _search(deal: Deal) -> Json:
    """All hits, page by page."""
    page = await deal.api.post(deal.brand, "/v1/creators:search", {**WANTED, "pageSize": 100})
    hits: list[Json] = page["creators"]
    while page["nextCursor"]:
        page = await deal.api.post(deal.brand, "/v1/creators:search", {**WANTED, "pageSize": 100, "cursor": page["nextCursor"]})
        hits += page["creators"]
    return {"creators": hits, "totalSize": page["totalSize"]}


def terms(deal: Deal, fee: int) -> Json:
    at = deal.now()
    return {
        "fee": {"amount": fee, "currency": "USD"},
        "deliverables": [{"platform": "tiktok", "format": "video"}],
        "revisions": 1,
        "postWindow": {"startsAt": iso(at - timedelta(hours=1)), "endsAt": iso(at + timedelta(days=20))},
        "usageRightsDays": 90,
    }


def _wanted(creator: Json) -> bool:
    """Whether a creator (an application or a hit) is what the brand asked for."""
    followers = max(account["followers"] for account in creator["accounts"])
    measured = creator["performance"]
    return bool(
        set(WANTED["niches"]) & set(creator["niches"])
        and creator["country"] in WANTED["countries"]
        and followers >= WANTED["followers"]["least"]
        and (measured["engagementRate"] or 0) >= WANTED["engagementRate"]["least"]
        and measured["engagementRateMethod"] == WANTED["engagementRate"]["method"]
    )


def _why(hit: Json) -> str:
    return ", ".join(str(match["filter"]) for match in hit["matched"])


def _counted(reasons: Counter[Any]) -> str:
    return ", ".join(f"{code} × {count}" for code, count in reasons.most_common())
