"""Small deals between a brand and a creator of their own, as frontends play them: from the brand's registration to money
that is released, refunded, or never asked for."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cli.story.api import Api, Broken, Json, Person
from cli.story.cast import creators
from libs.events.envelope import iso
from libs.events.ids import compose, derive

FEES = (40_000, 35_130, 35_910)
"""Minor units. Of the second the transfer's answer is lost, of the third the transfer itself: less the platform's
tenth, they end in the sandbox's magic amounts."""
REASON = {"reason": "The kitchen burnt down."}
CAPTION = "Breakfast #glowbowl @glow #ad"
DEPOSITS = (90_000, 90_017, 90_019)
"""Of the second the charge's answer is lost, of the third the charge itself."""


@dataclass
class Deal:
    """One deal. `at`: when it began; `fee` and `deposit`: as drawn."""

    api: Api
    chance: random.Random
    at: datetime
    brand: Person
    creator: Person
    fee: int
    deposit: int
    campaign: str = ""

    @property
    def engagement(self) -> str:
        return derive("eng", self.campaign, str(self.creator.party))

    @property
    def contract(self) -> str:
        return derive("ctr", self.engagement)

    @property
    def payment(self) -> str:
        return derive("pay", self.contract)


async def play(api: Api, chance: random.Random) -> str:
    """Plays what chance draws, to its end; returns the ending's name. Raises `Broken` where it does not go on, `Refused`
    where a legal step is refused."""
    deal = await begun(api, chance)
    ending: Callable[[Deal], Awaitable[None]] = chance.choice((released, released, released, refunded, declined, expired))
    await ending(deal)
    return ending.__name__


async def begun(api: Api, chance: random.Random) -> Deal:
    """A verified brand and a creator that was let in."""
    at = datetime.now(UTC)
    brand_id, (creator_id, application) = compose("brd", at, chance.getrandbits(80)), _creator(chance, at)
    brand, creator = api.person(brand_id, "brand", brand_id), api.person(creator_id, "creator", creator_id)
    deal = Deal(api, chance, at, brand, creator, chance.choice(FEES), chance.choice(DEPOSITS))
    await _are_registered(deal, application)
    return deal


def _creator(chance: random.Random, at: datetime) -> tuple[str, Json]:
    """One that the policy lets in."""
    return next(iter(creators(1, chance.getrandbits(32), chance.getrandbits(64), at)))


# --- endings ---------------------------------------------------------------------------------------------------------


async def released(deal: Deal) -> None:
    """The work is done and paid."""
    await _is_active(deal)
    api, contract = deal.api, await deal.api.get(deal.creator, f"/v1/contracts/{deal.contract}")
    path = f"/v1/contracts/{deal.contract}/deliverables/{contract['deliverables'][0]['deliverableId']}"
    await api.post(deal.creator, f"{path}/drafts", {"url": "https://drafts.example/1", "caption": CAPTION})
    await api.post(deal.brand, f"{path}:approve")
    url = "https://www.tiktok.com/@ana/video/7301"
    post = {"platform": "tiktok", "url": url, "caption": CAPTION, "postedAt": iso(datetime.now(UTC))}
    await api.post(deal.creator, f"{path}:post", post)
    await _until(deal, f"/v1/contracts/{deal.contract}", "fulfilled")
    await _until(deal, f"/v1/payments/{deal.payment}", "released")
    contract = await api.get(deal.brand, f"/v1/contracts/{deal.contract}")
    await _is_measured(deal, contract["deliverables"][0]["post"]["postId"])


async def refunded(deal: Deal) -> None:
    """Both agree to end it."""
    await _is_active(deal)
    await deal.api.post(deal.creator, f"/v1/contracts/{deal.contract}:proposeCancellation", REASON)
    await deal.api.post(deal.brand, f"/v1/contracts/{deal.contract}:acceptCancellation")
    await _until(deal, f"/v1/payments/{deal.payment}", "refunded")


async def declined(deal: Deal) -> None:
    """The creator does not want to."""
    await _is_invited(deal)
    await deal.api.post(deal.creator, f"/v1/engagements/{deal.engagement}:decline", {"reason": "On holiday."})


async def expired(deal: Deal) -> None:
    """The creator applies, and nobody answers."""
    await is_launched(deal)
    await deal.api.post(deal.creator, f"/v1/campaigns/{deal.campaign}/applications", {"terms": _terms(deal)})
    await _until(deal, f"/v1/engagements/{deal.engagement}", "expired")


# --- steps -----------------------------------------------------------------------------------------------------------


async def _are_registered(deal: Deal, application: Json) -> None:
    api, brand_id, operator = deal.api, deal.brand.party, deal.api.person("olga", "operator")
    await api.post(deal.brand, "/v1/brands", {"name": "Glow Foods", "website": "https://glow.example"})
    papers = {"legalName": "Glow Foods GmbH", "registrationNumber": "HRB 12345"}
    await api.post(deal.brand, f"/v1/brands/{brand_id}:submitVerification", papers)
    await api.post(operator, f"/v1/brands/{brand_id}:verify")
    creator = await api.post(deal.creator, "/v1/creators", application)
    if creator["status"] != "joined":
        raise Broken(f"the creator was not let in: {creator}")


async def is_launched(deal: Deal) -> None:
    deal.campaign = (await deal.api.post(deal.brand, "/v1/campaigns", draft(deal)))["campaignId"]
    await deal.api.post(deal.brand, f"/v1/campaigns/{deal.campaign}:launch")


def draft(deal: Deal) -> Json:
    return {
        "name": "Five-minute breakfasts",
        "objective": "conversions",
        "mode": "open",
        "budget": {"amount": 500_000, "currency": "USD"},
        "schedule": {"startsAt": iso(deal.at - timedelta(hours=1)), "endsAt": iso(deal.at + timedelta(days=30))},
        "deliverables": [{"platform": "tiktok", "format": "video"}],
        "brief": {"do": ["Show the bowl"], "hashtags": ["#glowbowl"], "mentions": ["@glow"], "disclosureLabel": "#ad"},
    }


async def _is_invited(deal: Deal) -> None:
    await is_launched(deal)
    invitation = {"creatorIds": [deal.creator.party], "terms": _terms(deal)}
    await deal.api.post(deal.brand, f"/v1/campaigns/{deal.campaign}:invite", invitation)
    await _until(deal, f"/v1/engagements/{deal.engagement}", "invited")


async def _is_active(deal: Deal) -> None:
    """Agreed (after a counter-offer, sometimes), signed, and the money is held, though it may have come before or after."""
    api, early = deal.api, deal.chance.random() < 0.5
    await _is_invited(deal)
    offers = f"/v1/engagements/{deal.engagement}/offers"
    if deal.chance.random() < 0.5:
        await api.post(deal.creator, offers, {"terms": _terms(deal), "message": "With a second cut for you."})
        await api.post(deal.brand, f"{offers}/2:accept")
    else:
        await api.post(deal.creator, f"{offers}/1:accept")
    if early:
        await _pay_in(deal)
    contract = await _until(deal, f"/v1/contracts/{deal.contract}", "drafted")
    for signatory in deal.chance.sample((deal.creator, deal.brand), 2):
        await api.post(signatory, f"/v1/contracts/{deal.contract}:sign", {"termsHash": contract["termsHash"]})
    if not early:
        await _pay_in(deal)
    await _until(deal, f"/v1/contracts/{deal.contract}", "active")


async def _pay_in(deal: Deal) -> None:
    deposit = {"amount": {"amount": deal.deposit, "currency": "USD"}}
    await deal.api.post(deal.brand, f"/v1/brands/{deal.brand.party}/deposits", deposit)


async def _is_measured(deal: Deal, post_id: str) -> None:
    api, service = deal.api, deal.api.person("importer", "service")
    await api.until("the post is tracked", lambda: api.get(deal.brand, f"/v1/posts/{post_id}"))
    counts = {"views": 84_000, "likes": 6_900, "comments": 410, "shares": 690, "reach": 61_000, "clicks": 2_100}
    moment = iso(datetime.now(UTC) - timedelta(milliseconds=1))
    report = {"postId": post_id, "capturedAt": moment, "source": "simulated", "organic": counts}
    answer = await api.post(service, "/v1/metrics:report", {"reports": [report]})
    if not answer["results"][0]["accepted"]:
        raise Broken(f"the report was not taken: {answer}")


def _terms(deal: Deal) -> Json:
    return {
        "fee": {"amount": deal.fee, "currency": "USD"},
        "deliverables": [{"platform": "tiktok", "format": "video"}],
        "revisions": 1,
        "postWindow": {"startsAt": iso(deal.at - timedelta(hours=1)), "endsAt": iso(deal.at + timedelta(days=20))},
        "usageRightsDays": 90,
    }


async def _until(deal: Deal, path: str, status: str) -> Json:
    api = deal.api
    return await api.until(f"{path} is {status}", lambda: api.get(deal.brand, path), lambda it: it["status"] == status)
