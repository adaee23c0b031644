"""A brand, its campaign and a creator to specify with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from libs.events.catalog.campaigns import (
    ApplicationSubmitted,
    BudgetCommitted,
    CampaignDrafted,
    CampaignLaunched,
    ContractActivated,
    ContractDrafted,
    ContractSigned,
    CreatorInvited,
    EngagementOpened,
    OfferAccepted,
    OfferMade,
)
from libs.events.catalog.values import (
    Brief,
    CampaignMode,
    DeliverableTemplate,
    Money,
    Objective,
    Party,
    Platform,
    Schedule,
    Terms,
)
from libs.events.decider import Actor, Role
from libs.events.ids import derive
from libs.events.testing import AT
from services.campaigns.domain.brand import brand as brand_rules
from services.campaigns.domain.campaign import campaign
from services.campaigns.domain.contract import contract
from services.campaigns.domain.engagement import engagement
from services.campaigns.domain.policy import Policy
from services.campaigns.domain.terms import terms_hash

POLICY = Policy()
BRAND_RULES, CAMPAIGN, ENGAGEMENT, CONTRACT = brand_rules, campaign(POLICY), engagement(POLICY), contract(POLICY)

GLOW, OTHER = "brd_glow000000", "brd_other00000"
ANA, BEA = "crt_ana0000000", "crt_bea0000000"
CMP = "cmp_summer0000"
ENG, ENG_BEA = derive("eng", CMP, ANA), derive("eng", CMP, BEA)
CTR = derive("ctr", ENG)
DLV, DLV2 = derive("dlv", CTR, "0"), derive("dlv", CTR, "1")
PST = derive("pst", DLV)

AS_GLOW, AS_OTHER = Actor("gil", Role.BRAND, GLOW), Actor("otto", Role.BRAND, OTHER)
AS_ANA, AS_BEA = Actor("ana", Role.CREATOR, ANA), Actor("bea", Role.CREATOR, BEA)
AS_SERVICE = Actor("campaigns", Role.SERVICE)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VIDEO = DeliverableTemplate(platform=Platform.TIKTOK, format="video")
SCHEDULE = Schedule(starts_at=AT - DAY, ends_at=AT + 60 * DAY)
BRIEF = Brief(hashtags=("#glow",), mentions=("@glow.official",), disclosure_label="#ad")
CAPTION = "My morning with @glow.official. #Glow #ad"


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def terms(fee: int = 100_000, **others: Any) -> Terms:
    return Terms(**{"fee": eur(fee), "deliverables": (VIDEO,), "revisions": 1, "post_window": SCHEDULE, **others})


# --- The campaign's past ---------------------------------------------------------------------------------------------


def drafted(**others: Any) -> CampaignDrafted:
    said = {
        "campaign_id": CMP,
        "brand_id": GLOW,
        "name": "Summer",
        "objective": Objective.AWARENESS,
        "mode": CampaignMode.OPEN,
        "brief": BRIEF,
        "budget": eur(250_000),
        "schedule": SCHEDULE,
        "deliverables": (VIDEO,),
    }
    return CampaignDrafted(**{**said, **others})


def launched(mode: CampaignMode = CampaignMode.OPEN) -> CampaignLaunched:
    return CampaignLaunched(
        campaign_id=CMP,
        brand_id=GLOW,
        name="Summer",
        objective=Objective.AWARENESS,
        mode=mode,
        budget=eur(250_000),
        schedule=SCHEDULE,
    )


def invited(creator: str = ANA, offer: Terms | None = None) -> CreatorInvited:
    return CreatorInvited(
        campaign_id=CMP,
        brand_id=GLOW,
        engagement_id=derive("eng", CMP, creator),
        creator_id=creator,
        terms=offer or terms(),
        brief=BRIEF,
        expires_at=AT + 72 * HOUR,
    )


def applied(creator: str = BEA) -> ApplicationSubmitted:
    return ApplicationSubmitted(
        campaign_id=CMP,
        brand_id=GLOW,
        engagement_id=derive("eng", CMP, creator),
        creator_id=creator,
        terms=terms(),
        brief=BRIEF,
        message="I would love to",
    )


def committed(creator: str = ANA, fee: int = 100_000) -> BudgetCommitted:
    return BudgetCommitted(
        campaign_id=CMP,
        brand_id=GLOW,
        engagement_id=derive("eng", CMP, creator),
        creator_id=creator,
        terms=terms(fee),
        brief=BRIEF,
    )


# --- The engagement's past -------------------------------------------------------------------------------------------

TALK = {"engagement_id": ENG, "campaign_id": CMP, "brand_id": GLOW, "creator_id": ANA}


def opened(by: Party = Party.BRAND) -> EngagementOpened:
    return EngagementOpened(**TALK, opened_by=by, terms=terms(), brief=BRIEF, expires_at=AT + 72 * HOUR)


def offered(version: int = 2, by: Party = Party.CREATOR, fee: int = 120_000) -> OfferMade:
    return OfferMade(**TALK, offer_version=version, by=by, terms=terms(fee), expires_at=AT + 72 * HOUR)


def accepted(version: int = 2, by: Party = Party.BRAND, fee: int = 120_000) -> OfferAccepted:
    return OfferAccepted(**TALK, offer_version=version, by=by, terms=terms(fee), brief=BRIEF)


# --- The contract's past ---------------------------------------------------------------------------------------------

DEAL = {"contract_id": CTR, "campaign_id": CMP, "brand_id": GLOW, "creator_id": ANA}


def hash_of(agreed: Terms) -> str:
    return terms_hash(brand_id=GLOW, creator_id=ANA, terms=agreed, brief=BRIEF, policy_version=1)


HASH = hash_of(terms())


def contract_drafted(agreed: Terms | None = None) -> ContractDrafted:
    agreed = agreed or terms()
    return ContractDrafted(
        **DEAL,
        engagement_id=ENG,
        terms=agreed,
        brief=BRIEF,
        deliverable_ids=tuple(derive("dlv", CTR, str(i)) for i in range(len(agreed.deliverables))),
        policy_version=1,
        terms_hash=hash_of(agreed),
        sign_by=AT + 7 * DAY,
    )


def signed(by: Party, *, complete: bool = False, agreed: Terms | None = None) -> ContractSigned:
    agreed = agreed or terms()
    return ContractSigned(
        **DEAL,
        engagement_id=ENG,
        by=by,
        terms_hash=hash_of(agreed),
        fee=agreed.fee,
        complete=complete,
        fund_by=AT + 7 * DAY if complete else None,
    )


def active(agreed: Terms | None = None) -> list[Any]:
    both = [signed(Party.BRAND, agreed=agreed), signed(Party.CREATOR, complete=True, agreed=agreed)]
    return [contract_drafted(agreed), *both, ContractActivated(**DEAL)]
