"""payments: the table of contents."""

from __future__ import annotations

from libs.chassis.rpcs import Aggregate, command, get, query, rpcs
from services.payments import queries
from services.payments.domain.account import RequestDeposit, account
from services.payments.domain.payment import payment

RPCS = rpcs(
    RequestDeposit=command(RequestDeposit),
    GetAccount=query(queries.GetAccount, queries.get_account, "creator_accounts"),
    ListEntries=query(queries.ListEntries, queries.list_entries, "entries"),
    GetPayment=get(payment),
    ListPayments=query(queries.ListPayments, queries.list_payments, "payments"),
)

AGGREGATES = (
    Aggregate(account, queries.show_account),
    Aggregate(payment, queries.show_payment),
)
