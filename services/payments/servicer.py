"""payments: the table of contents."""

from __future__ import annotations

from collections.abc import Mapping

from libs.chassis.rpcs import Aggregate, Receive, Rpc, command, get, query, rpcs, webhook
from services.payments import queries
from services.payments.domain.account import RequestDeposit, account
from services.payments.domain.payment import payment


def contents(receive: Receive) -> Mapping[str, Rpc]:
    """`receive`: what the provider's webhooks come to."""
    return rpcs(
        RequestDeposit=command(RequestDeposit),
        GetAccount=query(queries.GetAccount, queries.get_account, "creator_accounts"),
        ListEntries=query(queries.ListEntries, queries.list_entries, "entries"),
        GetPayment=get(payment),
        ListPayments=query(queries.ListPayments, queries.list_payments, "payments"),
        ReceiveWebhook=webhook(receive),
    )


AGGREGATES = (
    Aggregate(account, queries.show_account),
    Aggregate(payment, queries.show_payment),
)
