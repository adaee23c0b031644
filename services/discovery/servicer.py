"""The table of contents: one line per rpc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from libs.chassis.rpcs import Aggregate, Rpc, command, get, query, rpcs
from services.discovery import queries
from services.discovery.domain import creator as domain
from services.discovery.domain.eligibility import Policy


def contents(policy: Policy) -> tuple[Mapping[str, Rpc], Sequence[Aggregate]]:
    """The rpcs and the aggregates behind them, with the rules as the policy sets them."""
    creator = domain.creator(policy)
    table = rpcs(
        ApplyToJoin=command(domain.ApplyToJoin, id="party"),
        GetCreator=get(creator),
        RecordPerformanceSnapshot=command(domain.RecordPerformanceSnapshot),
        SuspendCreator=command(domain.SuspendCreator),
        ReinstateCreator=command(domain.ReinstateCreator),
        SearchCreators=query(queries.SearchCreators, queries.search_creators, "creators"),
    )
    return table, [Aggregate(creator, queries.show_creator)]
