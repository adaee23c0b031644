"""What people can do in the marketplace: one line per rpc. A new rpc joins the simulation here."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from libs.events.envelope import iso

Json = dict[str, Any]
CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a body is made from: the thing acted on as it was last seen, who acts, the time, and chance."""

    thing: Json
    now: datetime
    chance: random.Random
    party: str = ""

    def amount(self, least: int, most: int) -> Json:
        return {"amount": self.chance.randrange(least, most, 50), "currency": CURRENCY}


Body = Callable[[Scene], Json]


def nothing(scene: Scene) -> Json:
    return {}


def because(scene: Scene) -> Json:
    return {"reason": "so it goes"}


@dataclass(frozen=True, slots=True)
class Move:
    """An rpc on a thing. `who`: the roles that send it; `when`: labels of which the thing has one (none: always sensible);
    `path`: with `{id}` and, for deliverables, `{deliverable}`; `weight`: beside other sensible moves."""

    rpc: str
    who: tuple[str, ...]
    path: str
    when: frozenset[str] = frozenset()
    body: Body = nothing
    weight: float = 4
    verb: str = "POST"


def terms(scene: Scene) -> Json:
    return {
        "fee": scene.amount(20_000, 120_000),
        "deliverables": [{"platform": "tiktok", "format": "video"}] * scene.chance.choice((1, 1, 2)),
        "revisions": scene.chance.choice((0, 1, 2)),
        "postWindow": {"startsAt": iso(scene.now - timedelta(hours=1)), "endsAt": iso(scene.now + timedelta(days=40))},
        "usageRightsDays": 30,
    }


def campaign(scene: Scene) -> Json:
    return {
        "name": "Breakfast",
        "objective": "conversions",
        "mode": scene.chance.choice(("open", "open", "invite_only")),
        "budget": scene.amount(200_000, 900_000),
        "schedule": {"startsAt": iso(scene.now - timedelta(hours=1)), "endsAt": iso(scene.now + timedelta(days=90))},
        "deliverables": [{"platform": "tiktok", "format": "video"}],
        "brief": {"hashtags": ["#bowl"], "mentions": ["@glow"], "disclosureLabel": "#ad"},
    }


def creator(scene: Scene) -> Json:
    small = scene.chance.random() < 0.2
    return {
        "handle": scene.party.replace("_", "."),
        "name": "Ana",
        "age": 30,
        "country": scene.chance.choice(("DE", "FR")),
        "languages": ["de"],
        "niches": ["cooking"],
        "accounts": [{"platform": "tiktok", "handle": "ana", "followers": 900 if small else 40_000, "verified": True}],
        "performance": measured(scene),
    }


def imported(scene: Scene) -> Json:
    """What a measuring service knows of a creator who is there already."""
    whose = str(scene.thing["creatorId"])
    return {"creators": [{"creatorId": whose, **creator(replace(scene, party=whose))}]}


def measured(scene: Scene) -> Json:
    rate = round(scene.chance.uniform(0.02, 0.1), 4)
    views = scene.chance.randrange(2_000, 90_000)
    told = {"capturedAt": iso(scene.now), "posts": 12, "views": views, "medianViews": views // 8}
    return {**told, "engagementRate": rate, "engagementRateMethod": "by_views"}


def draft(scene: Scene) -> Json:
    return {"url": f"https://drafts.example/{scene.chance.randrange(1_000)}", "caption": "Bowl #bowl @glow #ad"}


def post(scene: Scene) -> Json:
    caption = scene.chance.choice(("Bowl #bowl @glow #ad", "Bowl #bowl @glow #ad", "Bowl"))
    url = f"https://www.tiktok.com/@ana/video/{scene.chance.randrange(10_000)}"
    return {"platform": "tiktok", "url": url, "caption": caption, "postedAt": iso(scene.now)}


def metrics(scene: Scene) -> Json:
    views = scene.chance.randrange(1_000, 90_000)
    counts = {"views": views, "likes": views // 12, "comments": views // 90, "shares": views // 60, "reach": views // 2}
    at = iso(scene.now - timedelta(seconds=scene.chance.choice((0, 1, 300))))
    return {"reports": [{"postId": scene.thing["postId"], "capturedAt": at, "source": "simulated", "organic": counts}]}


def sale(scene: Scene) -> Json:
    order = {"postId": scene.thing["postId"], "orderId": f"order-{scene.chance.randrange(20)}"}
    return {**order, "value": scene.amount(900, 9_000), "occurredAt": iso(scene.now)}


def performance(scene: Scene) -> Json:
    return {"performance": measured(scene)}


def audience(scene: Scene) -> Json:
    home = round(scene.chance.uniform(0.3, 0.8), 3)
    shares = {"countries": {"DE": home, "unknown": round(1 - home, 3)}, "followers": {"real": 0.9, "suspicious": 0.1}}
    return {"audience": {"capturedAt": iso(scene.now), **shares}}


def account(scene: Scene) -> Json:
    followers = scene.chance.randrange(1_000, 90_000)
    return {"account": {"platform": scene.chance.choice(("youtube", "tiktok")), "handle": "ana", "followers": followers}}


def prices(scene: Scene) -> Json:
    return {"rateCard": [{"platform": "tiktok", "format": "video", "amount": scene.amount(5_000, 90_000)}]}


def away(scene: Scene) -> Json:
    until = iso(scene.now + timedelta(days=scene.chance.choice((1, 20))))
    return scene.chance.choice(({}, {"absence": {"startsAt": iso(scene.now), "endsAt": until}}))


def contacts(scene: Scene) -> Json:
    return {"legalName": "Ana Ana", "email": f"ana{scene.chance.randrange(9)}@example.com"}


def words(scene: Scene) -> Json:
    return {"bio": scene.chance.choice(("Soap", "Bread", "Bowls"))}


def invitation(scene: Scene) -> Json:
    creators: list[str] = scene.thing["creators"]
    wanted = min(len(creators), scene.chance.choice((1, 2, 3)))
    return {"creatorIds": scene.chance.sample(creators, wanted), "terms": terms(scene)}


def proposal(scene: Scene) -> Json:
    return {"terms": terms(scene)}


def search(scene: Scene) -> Json:
    """Some that everybody meets, some that a measurement decides, one that a badge decides."""
    views, rate = scene.chance.randrange(500, 9_000), {"least": 0.05, "method": "by_views"}
    wanted = ({"niches": ["cooking"]}, {"medianViews": {"least": views}}, {"engagementRate": rate}, {"badges": ["responsive"]})
    return {"name": "Breakfast", "criteria": scene.chance.choice(wanted)}


def kept(scene: Scene) -> Json:
    return {"creatorId": scene.chance.choice(scene.thing["creators"]), "note": scene.chance.choice(("", "great hooks"))}


def dropped(scene: Scene) -> Json:
    return {"creatorId": scene.chance.choice(scene.thing["creators"])}


def any_of(*labels: str) -> frozenset[str]:
    return frozenset(labels)


BRAND, CREATOR, OPERATOR, IMPORTER, BOTH = ("brand",), ("creator",), ("operator",), ("service",), ("brand", "creator")
PAPERS = {"legalName": "Glow GmbH", "registrationNumber": "HRB 1"}
CHANGES = {"changes": "more"}
ENGAGEMENT, OPEN = "/v1/engagements/{id}", any_of("invited", "applied", "negotiating")
ACCEPT = f"{ENGAGEMENT}/offers/{{offer}}:accept"
CONTRACT, DELIVERABLE = "/v1/contracts/{id}", "/v1/contracts/{id}/deliverables/{deliverable}"

MOVES: Mapping[str, tuple[Move, ...]] = {
    "brand": (
        Move("SubmitVerification", BRAND, "/v1/brands/{id}:submitVerification", any_of("registered"), lambda _: PAPERS),
        Move("VerifyBrand", OPERATOR, "/v1/brands/{id}:verify", any_of("verification_submitted")),
        Move("RejectBrand", OPERATOR, "/v1/brands/{id}:reject", any_of("verification_submitted"), because, 1),
        Move("RequestDeposit", BRAND, "/v1/brands/{id}/deposits", body=lambda s: {"amount": s.amount(100_000, 600_000)}),
        Move("DraftCampaign", BRAND, "/v1/campaigns", any_of("verified"), campaign, 3),
        Move("CreateShortlist", BRAND, "/v1/shortlists", body=lambda _: {"name": "Summer"}, weight=1),
        Move("SaveSearch", BRAND, "/v1/savedSearches", body=search, weight=2),
    ),
    "shortlist": (
        Move("AddToShortlist", BRAND, "/v1/shortlists/{id}/creators", any_of("open"), kept),
        Move("RemoveFromShortlist", BRAND, "/v1/shortlists/{id}:removeCreator", any_of("open"), dropped, 1),
        Move("DeleteShortlist", BRAND, "/v1/shortlists/{id}:delete", any_of("open"), weight=0.2),
    ),
    "savedSearch": (Move("DeleteSavedSearch", BRAND, "/v1/savedSearches/{id}:delete", any_of("saved"), weight=0.2),),
    "creator": (
        Move("RecordPerformanceSnapshot", CREATOR, "/v1/creators/{id}/performanceSnapshots", any_of("joined"), performance),
        Move("SuspendCreator", OPERATOR, "/v1/creators/{id}:suspend", any_of("joined"), because, 0.5),
        Move("ReinstateCreator", OPERATOR, "/v1/creators/{id}:reinstate", any_of("suspended")),
        Move("UpdateProfile", CREATOR, "/v1/creators/{id}", any_of("joined"), words, 1, "PATCH"),
        Move("ConnectAccount", CREATOR, "/v1/creators/{id}/accounts", any_of("joined"), account, 1),
        Move("SetRateCard", CREATOR, "/v1/creators/{id}/rateCard", any_of("joined"), prices, 1, "PUT"),
        Move("SetAvailability", CREATOR, "/v1/creators/{id}/availability", any_of("joined"), away, 1, "PUT"),
        Move("SetContacts", CREATOR, "/v1/creators/{id}/contacts", any_of("joined"), contacts, 1, "PUT"),
        Move("RecordAudienceSnapshot", CREATOR, "/v1/creators/{id}/audienceSnapshots", any_of("joined"), audience, 1),
        Move("EraseCreator", OPERATOR, "/v1/creators/{id}:erase", any_of("joined"), weight=0.02),
        Move("ApplyToJoin", CREATOR, "/v1/creators", any_of("rejected"), creator),
        Move("ImportCreators", IMPORTER, "/v1/creators:import", any_of("joined", "rejected"), imported, 1),
    ),
    "campaign": (
        Move("LaunchCampaign", BRAND, "/v1/campaigns/{id}:launch", any_of("draft"), weight=8),
        Move("PauseCampaign", BRAND, "/v1/campaigns/{id}:pause", any_of("launched"), weight=0.1),
        Move("ResumeCampaign", BRAND, "/v1/campaigns/{id}:resume", any_of("paused")),
        Move("CancelCampaign", BRAND, "/v1/campaigns/{id}:cancel", any_of("launched", "paused"), because, 0.05),
        Move("RecommendCreators", BRAND, "/v1/campaigns/{id}:recommendCreators", any_of("launched"), weight=0.1),
        Move("InviteCreators", BRAND, "/v1/campaigns/{id}:invite", any_of("may invite"), invitation, 12),
        Move("ApplyToCampaign", CREATOR, "/v1/campaigns/{id}/applications", any_of("may invite"), proposal, 8),
    ),
    "engagement": (
        Move("MakeOffer", BOTH, f"{ENGAGEMENT}/offers", OPEN, proposal),
        Move("AcceptOffer", CREATOR, ACCEPT, any_of("offered by the brand"), weight=12),
        Move("AcceptOffer", BRAND, ACCEPT, any_of("offered by the creator"), weight=12),
        Move("DeclineEngagement", BOTH, f"{ENGAGEMENT}:decline", OPEN, because, 1),
    ),
    "contract": (
        Move(
            "SignContract",
            BOTH,
            f"{CONTRACT}:sign",
            any_of("drafted", "signed_by_one"),
            lambda s: {"termsHash": s.thing["termsHash"]},
            16,
        ),
        Move("ProposeCancellation", BOTH, f"{CONTRACT}:proposeCancellation", any_of("active"), because, 1),
        Move("AcceptCancellation", BOTH, f"{CONTRACT}:acceptCancellation", any_of("cancellation proposed")),
        Move("DeclineCancellation", BOTH, f"{CONTRACT}:declineCancellation", any_of("cancellation proposed")),
        Move("SubmitDraft", CREATOR, f"{DELIVERABLE}/drafts", any_of("planned", "changes_requested"), draft, 16),
        Move("ApproveDeliverable", BRAND, f"{DELIVERABLE}:approve", any_of("draft_submitted"), weight=12),
        Move("RequestChanges", BRAND, f"{DELIVERABLE}:requestChanges", any_of("draft_submitted"), lambda _: CHANGES),
        Move("PostContent", CREATOR, f"{DELIVERABLE}:post", any_of("approved", "post_check_failed"), post, 16),
        Move("VerifyPost", BRAND, f"{DELIVERABLE}:verifyPost", any_of("posted"), weight=2),
    ),
    "post": (
        Move("ReportMetrics", IMPORTER, "/v1/metrics:report", body=metrics),
        Move("RecordConversion", BRAND, "/v1/conversions", body=sale),
        Move(
            "ReverseConversion",
            BRAND,
            "/v1/conversions/{conversion}:reverse",
            any_of("converted"),
            lambda s: {"postId": s.thing["postId"], "reason": "sent back"},
        ),
    ),
    "thread": (
        Move("SendMessage", BOTH, "/v1/threads/{id}/messages", body=lambda _: {"text": "hello"}),
        Move("MarkRead", BOTH, "/v1/threads/{id}:markRead", any_of("has messages"), lambda s: {"messageId": s.thing["last"]}),
    ),
}

LOOKS: Mapping[str, tuple[str, ...]] = {
    "brand": (
        "/v1/brands/{id}/payingRecord",
        "/v1/accounts/{id}",
        "/v1/accounts/{id}/entries",
        "/v1/payments",
        "/v1/campaigns",
        "/v1/contracts",
    ),
    "shortlist": ("/v1/shortlists/{id}", "/v1/shortlists"),
    "savedSearch": ("/v1/savedSearches/{id}", "/v1/savedSearches"),
    "creator": (
        *("/v1/accounts/{id}", "/v1/opportunities", "/v1/engagements", "/v1/threads"),
        *("/v1/creators/{id}", "/v1/creators/{id}/trackRecord"),
    ),
    "campaign": ("/v1/campaigns/{id}/dashboard",),
    "engagement": ("/v1/benchmarks?niche=cooking&tier=micro",),
    "contract": (f"{CONTRACT}/timeline",),
    "thread": ("/v1/threads/{id}/messages",),
}
"""Read models that people look at."""
STREAMS: Mapping[str, str] = {"campaign": "/v1/campaigns/{id}/dashboard:watch", "thread": "/v1/threads/{id}:stream"}
