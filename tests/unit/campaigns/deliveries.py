"""A deliverable's past, and what can be asked of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from libs.events.catalog.campaigns import (
    ChangesRequested,
    ContentPosted,
    DeliverableAccepted,
    DeliverableApproved,
    DraftSubmitted,
    PostCheckFailed,
    PostVerified,
)
from libs.events.catalog.values import Platform, Reason
from libs.events.ids import derive
from libs.events.testing import AT
from services.campaigns.domain.deliverable import (
    ApproveBySilence,
    ApproveDeliverable,
    DeliverableCommand,
    PostContent,
    RequestChanges,
    SubmitDraft,
    VerifyPost,
)
from tests.unit.campaigns.examples import CAPTION, CTR, DAY, DEAL, DLV

URL = "https://tiktok.example/@ana.makes/1"
WHICH = {"contract_id": CTR, "deliverable_id": DLV}

submit = SubmitDraft(**WHICH, url="https://drafts.example/1", caption="first try")
change = RequestChanges(**WHICH, changes="show the label")
approve = ApproveDeliverable(**WHICH)
silence = ApproveBySilence(**WHICH, round=1)
verify = VerifyPost(**WHICH)


def post(caption: str = CAPTION, at: datetime = AT, **others: Any) -> PostContent:
    said = {"platform": Platform.TIKTOK, "url": URL, "caption": caption, "posted_at": at}
    return PostContent(**WHICH, **{**said, **others})


ALL_DELIVERABLE_COMMANDS: tuple[DeliverableCommand, ...] = (submit, change, approve, silence, post(), verify)


def submitted(round: int = 1) -> DraftSubmitted:
    draft = {"url": "https://drafts.example/1", "caption": "first try", "review_by": AT + 14 * DAY}
    return DraftSubmitted(**DEAL, deliverable_id=DLV, round=round, **draft)


def changes(round: int = 1) -> ChangesRequested:
    return ChangesRequested(**DEAL, deliverable_id=DLV, round=round, changes="show the label")


def approved(round: int = 1, *, by_timer: bool = False) -> DeliverableApproved:
    return DeliverableApproved(**DEAL, deliverable_id=DLV, round=round, by_timer=by_timer)


def posted(caption: str = CAPTION, at: datetime = AT, which: str = DLV) -> ContentPosted:
    said = {"platform": Platform.TIKTOK, "url": URL, "caption": caption, "posted_at": at}
    return ContentPosted(**DEAL, deliverable_id=which, post_id=derive("pst", which), **said)


def verified(which: str = DLV) -> PostVerified:
    return PostVerified(**DEAL, deliverable_id=which, post_id=derive("pst", which))


def failed(*reasons: Reason) -> PostCheckFailed:
    return PostCheckFailed(**DEAL, deliverable_id=DLV, post_id=derive("pst", DLV), reasons=reasons)


def accepted(which: str = DLV, *, last: bool) -> DeliverableAccepted:
    return DeliverableAccepted(**DEAL, deliverable_id=which, last=last)
