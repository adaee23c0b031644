"""The plot: signatures, and where the money is at each moment."""

from __future__ import annotations

from typing import Any

from cli.story.api import Json
from cli.story.deal import Deal, dollars
from libs.events.ids import derive

DEPOSIT = 400_000
"""Minor units; both contracts fit."""


async def is_held(deal: Deal) -> None:
    await deal.chapter("Both sign the same terms; money is deposited and held; only then the contract is active")
    contract = await _drafted(deal, "ana")
    contract_id, ana = contract["contractId"], deal.creator(deal.ids["ana"])
    sign = f"/v1/contracts/{contract_id}:sign"
    await deal.refused(
        "a signature under other terms is refused",
        409,
        "TERMS_HASH_MISMATCH",
        deal.api.post(ana, sign, {"termsHash": "0" * 64}),
    )
    await _both_sign(deal, "ana", contract)
    payment_id = deal.ids["payment"] = derive("pay", contract_id)
    await deal.api.until("the payment waits for money", lambda: deal.api.get(deal.brand, f"/v1/payments/{payment_id}"))
    contract = await deal.api.get(ana, f"/v1/contracts/{contract_id}")
    deal.check("signed, and not active: no money is held", contract["status"] == "signed", contract)
    deal.tell("Both signed.", terms_hash=f"{contract['termsHash'][:16]}…", contract=contract_id)
    deposit = {"amount": {"amount": DEPOSIT, "currency": "USD"}}
    await deal.api.post(deal.brand, f"/v1/brands/{deal.ids['brand']}/deposits", deposit)
    contract = await _until_contract(deal, "ana", "active")
    payment = await deal.api.get(deal.brand, f"/v1/payments/{payment_id}")
    deal.check("active: the money is held", payment["status"] == "held", payment)
    deal.tell("4,000.00 USD deposited; the contract's money is held, and work begins.", held=dollars(payment["amount"]))


async def is_released(deal: Deal) -> None:
    await deal.chapter("The payment is released")
    payment_path = f"/v1/payments/{deal.ids['payment']}"
    payment = await deal.api.until(
        "the payment is released", lambda: deal.api.get(deal.brand, payment_path), lambda it: it["status"] == "released"
    )
    shares = payment["creatorAmount"]["amount"] + payment["platformFee"]["amount"]
    deal.check("fee and platform fee add up", shares == payment["amount"]["amount"], payment)
    await _until_contract(deal, "ana", "fulfilled")
    ana = deal.creator(deal.ids["ana"])
    account = await deal.api.until(
        "the creator's account shows it",
        lambda: deal.api.get(ana, f"/v1/accounts/{deal.ids['ana']}"),
        lambda it: _balance(it)["available"] == payment["creatorAmount"]["amount"],
    )
    deal.check("nothing was released twice", len(account["balances"]) == 1, account)
    deal.tell(
        "Verified content releases the money; the contract is fulfilled.",
        creator=dollars(payment["creatorAmount"]),
        platform=dollars(payment["platformFee"]),
    )


async def is_refunded(deal: Deal) -> None:
    await deal.chapter("A second contract is cancelled by both, and refunded")
    contract = await _drafted(deal, "dilan")
    contract_id, dilan = contract["contractId"], deal.creator(deal.ids["dilan"])
    await _both_sign(deal, "dilan", contract)
    await _until_contract(deal, "dilan", "active")
    held = DEPOSIT - 180_000 - 90_000
    await _until_cash(deal, "the brand's cash is what is not held", held)
    reason = {"reason": "The kitchen burnt down."}
    await deal.api.post(dilan, f"/v1/contracts/{contract_id}:proposeCancellation", reason)
    await deal.refused(
        "nobody answers a proposal of its own",
        409,
        "OWN_PROPOSAL",
        deal.api.post(dilan, f"/v1/contracts/{contract_id}:acceptCancellation"),
    )
    ended = await deal.api.post(deal.brand, f"/v1/contracts/{contract_id}:acceptCancellation")
    deal.check("the contract is terminated", ended["status"] == "terminated", ended)
    payment = await deal.api.until(
        "the payment is refunded",
        lambda: deal.api.get(deal.brand, f"/v1/payments/{derive('pay', contract_id)}"),
        lambda it: it["status"] == "refunded",
    )
    await _until_cash(deal, "the brand has its money back", held + payment["refunded"]["amount"])
    deal.tell("Dilan proposes, the brand accepts: the money is the brand's again.", refunded=dollars(payment["refunded"]))


async def _drafted(deal: Deal, who: str) -> Json:
    contract_id = deal.ids[f"{who}'s contract"] = derive("ctr", deal.ids[f"{who}'s engagement"])
    path = f"/v1/contracts/{contract_id}"
    return await deal.api.until(f"{who}'s contract is drafted", lambda: deal.api.get(deal.brand, path))


async def _both_sign(deal: Deal, who: str, contract: Json) -> None:
    sign, same = f"/v1/contracts/{contract['contractId']}:sign", {"termsHash": contract["termsHash"]}
    await deal.api.post(deal.creator(deal.ids[who]), sign, same)
    signed = await deal.api.post(deal.brand, sign, same)
    deal.check(f"both signed {who}'s contract", sorted(signed["signedBy"]) == ["brand", "creator"], signed)


async def _until_contract(deal: Deal, who: str, status: str) -> Json:
    contract_id = deal.ids[f"{who}'s contract"]
    return await deal.api.until(
        f"{who}'s contract is {status}",
        lambda: deal.api.get(deal.brand, f"/v1/contracts/{contract_id}"),
        lambda it: it["status"] == status,
    )


async def _until_cash(deal: Deal, fact: str, amount: int) -> None:
    path = f"/v1/accounts/{deal.ids['brand']}"
    await deal.api.until(fact, lambda: deal.api.get(deal.brand, path), lambda it: _balance(it)["available"] == amount)
    deal.check(fact, True)


def _balance(account: Json) -> dict[str, Any]:
    return next((dict(one) for one in account["balances"] if one["currency"] == "USD"), {"available": 0})
