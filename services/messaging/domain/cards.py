"""Which steps of a deal appear in its thread, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from libs.events.catalog import campaigns, payments
from libs.events.catalog.values import Party
from libs.events.registry import Event
from services.messaging.domain.wording import spell

LONGEST = 2000
"""Characters of a card; a quoted text is cut."""


class Card(NamedTuple):
    """`kind` is for programs, `words` make the sentence for people."""

    kind: str
    words: Callable[[Any], str]


def _who(party: Party) -> str:
    return "The brand" if party is Party.BRAND else "The creator"


def _quoted(text: str) -> str:
    return f" “{text}”" if text else ""


CARDS: Mapping[type[Event], Card] = {
    campaigns.EngagementOpened: Card(
        "offer_made", lambda e: f"{_who(e.opened_by)} opened with an offer of {spell(e.terms.fee)}.{_quoted(e.message)}"
    ),
    campaigns.OfferMade: Card(
        "offer_made", lambda e: f"{_who(e.by)} made offer {e.offer_version}: {spell(e.terms.fee)}.{_quoted(e.message)}"
    ),
    campaigns.OfferAccepted: Card(
        "offer_accepted", lambda e: f"{_who(e.by)} accepted offer {e.offer_version}: {spell(e.terms.fee)}."
    ),
    campaigns.EngagementReopened: Card("engagement_reopened", lambda e: f"The negotiation goes on: {e.reason.message}"),
    campaigns.EngagementDeclined: Card("engagement_declined", lambda e: f"{_who(e.by)} declined.{_quoted(e.reason)}"),
    campaigns.EngagementExpired: Card("engagement_expired", lambda e: "The offer was not answered in time."),
    campaigns.ContractDrafted: Card(
        "contract_drafted", lambda e: f"The contract over {spell(e.terms.fee)} is ready for both signatures."
    ),
    campaigns.ContractSigned: Card(
        "contract_signed",
        lambda e: f"{_who(e.by)} signed the contract{', and so have both' if e.complete else ''}.",
    ),
    payments.FundsHeld: Card("funds_held", lambda e: f"{spell(e.amount)} are held for this contract."),
    campaigns.ContractActivated: Card("contract_activated", lambda e: "The contract is active: work can begin."),
    campaigns.DraftSubmitted: Card("draft_submitted", lambda e: f"The creator submitted draft {e.round} for review."),
    campaigns.ChangesRequested: Card(
        "changes_requested", lambda e: f"The brand asked for changes to draft {e.round}:{_quoted(e.changes)}"
    ),
    campaigns.DeliverableApproved: Card(
        "draft_approved",
        lambda e: f"Draft {e.round} is approved{', for the review time has passed' if e.by_timer else ''}: it may be posted.",
    ),
    campaigns.ContentPosted: Card("content_posted", lambda e: f"The creator posted the content: {e.url}"),
    campaigns.PostVerified: Card("post_verified", lambda e: "The post is verified: window, tags and disclosure are right."),
    campaigns.PostCheckFailed: Card(
        "post_check_failed", lambda e: "The post is not right yet: " + "; ".join(reason.message for reason in e.reasons)
    ),
    campaigns.DeliverableAccepted: Card(
        "deliverable_accepted", lambda e: "The brand has all that was agreed." if e.last else "A deliverable is accepted."
    ),
    payments.PaymentReleased: Card(
        "payment_released",
        lambda e: f"{spell(e.creator_amount)} were paid to the creator ({spell(e.platform_fee)} platform fee).",
    ),
    campaigns.CancellationProposed: Card(
        "cancellation_proposed", lambda e: f"{_who(e.by)} proposed to cancel the contract.{_quoted(e.reason)}"
    ),
    campaigns.CancellationDeclined: Card("cancellation_declined", lambda e: f"{_who(e.by)} declined to cancel the contract."),
    campaigns.ContractTerminated: Card("contract_terminated", lambda e: f"The contract ended early.{_quoted(e.reason)}"),
    payments.RefundIssued: Card(
        "payment_refunded",
        lambda e: (
            f"{spell(e.amount)} went back to the brand"
            + (f"; {spell(e.kill_fee)} are the creator's." if e.kill_fee.amount else ".")
        ),
    ),
    campaigns.ContractFulfilled: Card("contract_fulfilled", lambda e: "The deal is done."),
}
"""Event -> its card. Each of these events carries the deal's parties and its engagement or contract."""


def sentence(event: Event) -> str:
    """What an event's card says."""
    text = CARDS[type(event)].words(event)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
