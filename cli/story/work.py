"""The plot: drafts, changes, approval, the post and its check."""

from __future__ import annotations

from cli.story.api import Json
from cli.story.deal import Deal
from libs.events.envelope import iso


async def is_done(deal: Deal) -> None:
    await deal.chapter("A draft, changes, a second draft, approval; the content is posted and verified")
    contract_id, ana = deal.ids["ana's contract"], deal.creator(deal.ids["ana"])
    contract = await deal.api.get(ana, f"/v1/contracts/{contract_id}")
    path = f"/v1/contracts/{contract_id}/deliverables/{contract['deliverables'][0]['deliverableId']}"
    draft = {"url": "https://drafts.example/1", "caption": "My breakfast #glowbowl @glow"}
    problem = await deal.refused(
        "nothing is posted before it is approved",
        409,
        "ILLEGAL_DELIVERABLE_TRANSITION",
        deal.api.post(ana, f"{path}:post", _post(deal, "Too early")),
    )
    deal.check("a refusal says what would be legal", problem.get("legal") == ["SubmitDraft"], problem)
    await deal.api.post(ana, f"{path}/drafts", draft)
    await deal.api.post(deal.brand, f"{path}:requestChanges", {"changes": "Please say that it is an ad."})
    await deal.api.post(ana, f"{path}/drafts", {"url": "https://drafts.example/2", "caption": f"{draft['caption']} #ad"})
    await deal.refused(
        "the rounds of changes are those of the terms",
        409,
        "REVISIONS_EXHAUSTED",
        deal.api.post(deal.brand, f"{path}:requestChanges", {"changes": "Once more."}),
    )
    contract = await deal.api.post(deal.brand, f"{path}:approve")
    deal.check("the second draft is approved", _status(contract) == "approved", contract)
    deal.tell("The first draft lacks the disclosure; the second one is approved.")

    await deal.api.post(ana, f"{path}:post", _post(deal, "My breakfast #glowbowl @glow"))
    contract = await _until(deal, contract_id, "post_check_failed")
    reasons = [reason["code"] for reason in contract["deliverables"][0]["reasons"]]
    deal.check("a post without its disclosure fails the check", reasons == ["DISCLOSURE_MISSING"], contract)
    deal.tell("Posted without #ad: the check says so.", reasons=", ".join(reasons))
    await deal.api.post(ana, f"{path}:post", _post(deal, "My breakfast #glowbowl @glow #ad"))
    contract = await _until(deal, contract_id, "accepted")
    deal.ids["post"] = contract["deliverables"][0]["post"]["postId"]
    deal.tell("Mended and posted again: verified and accepted.", post=deal.ids["post"])


def _post(deal: Deal, caption: str) -> Json:
    url = "https://www.tiktok.com/@ana/video/7301"
    return {"platform": "tiktok", "url": url, "caption": caption, "postedAt": iso(deal.now())}


def _status(contract: Json) -> str:
    return str(contract["deliverables"][0]["status"])


async def _until(deal: Deal, contract_id: str, status: str) -> Json:
    path = f"/v1/contracts/{contract_id}"
    return await deal.api.until(
        f"the deliverable is {status}", lambda: deal.api.get(deal.brand, path), lambda it: _status(it) == status
    )
