"""The plot, last part: what it brought, and that every step of it can be traced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cli.story.api import Json
from cli.story.deal import Deal, dollars
from libs.events.envelope import iso
from libs.events.ids import derive

VIEWS, LIKES, COMMENTS, SHARES, REACH, CLICKS = 84_000, 6_900, 410, 690, 61_000, 2_100
ORDERS = (129_900, 89_900, 159_900)
"""Conversions' values, in minor units."""
TOLD = {
    *("EngagementOpened", "OfferMade", "OfferAccepted", "ContractDrafted", "ContractSigned", "PaymentRequested", "FundsHeld"),
    *("ContractActivated", "DraftSubmitted", "ChangesRequested", "DeliverableApproved", "ContentPosted", "PostCheckFailed"),
    *("PostVerified", "DeliverableAccepted", "ReleaseApproved", "PaymentReleased", "ContractFulfilled"),
}
"""The facts that the timeline of the story's contract must hold."""


async def are_measured(deal: Deal) -> None:
    await deal.chapter("Metrics and conversions arrive; the dashboard shows every figure with its formula")
    api, post_id = deal.api, deal.ids["post"]
    service = api.person("importer", "service")
    await api.until("the post is tracked", lambda: api.get(deal.operator, f"/v1/posts/{post_id}"))
    now = deal.now()
    newest, older = now - timedelta(milliseconds=1), now - timedelta(milliseconds=2)
    reports = [_snapshot(post_id, iso(newest), 1), _snapshot(post_id, iso(older), 3)]
    answer = await api.post(service, "/v1/metrics:report", {"reports": reports})
    deal.check("both snapshots are taken, the older one after the newer", all(r["accepted"] for r in answer["results"]), answer)
    for number, value in enumerate(ORDERS):
        order = {"postId": post_id, "orderId": f"order-{number}", "value": _usd(value), "occurredAt": iso(deal.now())}
        await api.post(deal.brand, "/v1/conversions", order)
    path = f"/v1/campaigns/{deal.ids['campaign']}/dashboard"
    board = await api.until("the dashboard has it all", lambda: api.get(deal.brand, path), _complete)
    figures = {figure["id"]: figure for figure in board["figures"]}
    spent, earned = board["budget"]["spend"]["total"]["amount"], sum(ORDERS)
    rate, roi = figures["engagement_rate.by_views"], figures["roi"]
    deal.check("the newest snapshot counts", board["totals"]["views"] == VIEWS, board["totals"])
    deal.check("engagement rate = (likes + comments + shares) / views", rate["value"] == (LIKES + COMMENTS + SHARES) / VIEWS)
    deal.check("spend is the released fee", spent == 180_000, board["budget"])
    deal.check("ROI = (revenue − cost) / cost", roi["value"] == (earned - spent) / spent, roi)
    deal.check("what cannot be had is null, not zero", figures["roas"]["value"] is None, figures["roas"])
    rows = [
        (f["id"], _shown(f), f["formula"], f"{_count(f['numerator'])} / {_count(f['denominator'])}") for f in board["figures"]
    ]
    deal.narrator.table(
        f"Spend {dollars(board['budget']['spend']['total'])} of {dollars(board['budget']['planned'])}, "
        f"revenue {dollars(board['revenue'][0])}, reach {board['totals']['reach']:,}",
        ("figure", "value", "formula", "numbers"),
        rows,
    )


async def are_traced(deal: Deal) -> None:
    await deal.chapter("The contract's timeline lists every step, and its hash chain verifies")
    api, contract_id = deal.api, deal.ids["ana's contract"]
    ana = deal.creator(deal.ids["ana"])
    timeline = await api.until(
        "the timeline has payments' steps",
        lambda: api.get(ana, f"/v1/contracts/{contract_id}/timeline"),
        lambda it: "PaymentReleased" in _steps(it) and "ContractFulfilled" in _steps(it),
    )
    steps, chain = _steps(timeline), timeline["chain"]
    deal.check("no step is missing", set(steps) >= TOLD, steps)
    deal.check("money was held before work began", steps.index("FundsHeld") < steps.index("ContractActivated"), steps)
    deal.check("the hash chain verifies", chain["valid"] is True and chain["commits"] > 10, chain)
    rows = [
        (step["at"][11:23], step["service"], step["type"].rpartition(".")[2], step["actor"][:24], (step["hash"] or "–")[:12])
        for step in timeline["steps"]
    ]
    deal.narrator.table(f"{len(steps)} steps", ("at (UTC)", "service", "fact", "by", "commit hash"), rows)
    deal.tell(f"The hash chain holds over {chain['commits']} commits.", head=f"{chain['head'][:16]}…")
    await _thread_mirrors_the_deal(deal)


async def _thread_mirrors_the_deal(deal: Deal) -> None:
    api, thread_id = deal.api, derive("thr", deal.ids["ana's engagement"])
    ana = deal.creator(deal.ids["ana"])
    await api.until("their thread is open", lambda: api.get(ana, f"/v1/threads/{thread_id}"))
    await api.post(deal.brand, f"/v1/threads/{thread_id}/messages", {"text": "Thank you, Ana!"})
    listed = await api.until(
        "the thread shows the message and the deal's cards",
        lambda: api.get(ana, f"/v1/threads/{thread_id}/messages", pageSize=100),
        lambda it: any(m["text"] == "Thank you, Ana!" for m in it["messages"]) and len(it["messages"]) > 8,
    )
    stranger = deal.creator(deal.ids["bea"])
    await deal.refused(
        "only its parties read a thread", 404, "NOT_FOUND", api.get(stranger, f"/v1/threads/{thread_id}/messages")
    )
    deal.tell(f"Their thread mirrors it in {len(listed['messages'])} messages and cards; nobody else can read it.")


def _snapshot(post_id: str, captured_at: str, divisor: int) -> Json:
    counts = {"views": VIEWS, "likes": LIKES, "comments": COMMENTS, "shares": SHARES, "reach": REACH, "clicks": CLICKS}
    organic = {name: count // divisor for name, count in counts.items()}
    return {"postId": post_id, "capturedAt": captured_at, "source": "simulated", "organic": organic}


def _complete(board: Json) -> bool:
    return bool(
        board["totals"]["views"] == VIEWS
        and board["conversions"] == len(ORDERS)
        and (board["budget"]["spend"]["total"] or {}).get("amount")
    )


def _usd(amount: int) -> Json:
    return {"amount": amount, "currency": "USD"}


def _steps(timeline: Json) -> list[str]:
    return [step["type"].rpartition(".")[2] for step in timeline["steps"]]


def _shown(figure: Json) -> str:
    value = figure["value"]
    if value is None:
        return "–"
    match figure["unit"]:
        case "ratio":
            return f"{value:.2%}"
        case "not additive":
            return f"{value:,.0f}"
        case _:
            return f"{value / 100:,.4f} USD"


def _count(value: Any) -> str:
    return "–" if value is None else f"{value:,}"
