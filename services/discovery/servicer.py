"""The table of contents: one line per rpc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from libs.chassis.rpcs import Aggregate, Rpc, batch, command, get, query, rpcs
from services.discovery import queries
from services.discovery.domain import creator_commands as creators
from services.discovery.domain.creator import creator as creator_under
from services.discovery.domain.eligibility import Policy
from services.discovery.domain.fit import Weights
from services.discovery.fitting import BatchGetCreators, FindSimilarCreators, Fitting, GetBenchmarks, RecommendCreators
from services.discovery.ports import CreatorIndex
from services.discovery.searching import SearchCreators, Searching, SuggestWords


def contents(policy: Policy, index: CreatorIndex, weights: Weights) -> tuple[Mapping[str, Rpc], Sequence[Aggregate]]:
    """The rpcs and the aggregates behind them, with the rules as the policy sets them."""
    creator, searching, fitting = creator_under(policy), Searching(index), Fitting(index, weights)
    table = rpcs(
        ApplyToJoin=command(creators.ApplyToJoin, id="party"),
        ImportCreators=batch(creators.ImportCreator, items="creators"),
        GetCreator=get(creator),
        UpdateProfile=command(creators.UpdateProfile),
        ConnectAccount=command(creators.ConnectAccount),
        SetRateCard=command(creators.SetRateCard),
        SetAvailability=command(creators.SetAvailability),
        SetContacts=command(creators.SetContacts),
        GetContacts=query(queries.GetContacts, queries.get_contacts, "contacts"),
        RecordAudienceSnapshot=command(creators.RecordAudienceSnapshot),
        RecordPerformanceSnapshot=command(creators.RecordPerformanceSnapshot),
        SuspendCreator=command(creators.SuspendCreator),
        ReinstateCreator=command(creators.ReinstateCreator),
        EraseCreator=command(creators.EraseCreator),
        SearchCreators=query(SearchCreators, searching.search, "directory"),
        SuggestWords=query(SuggestWords, searching.suggest, "directory"),
        BatchGetCreators=query(BatchGetCreators, fitting.batch_get, "directory"),
        FindSimilarCreators=query(FindSimilarCreators, fitting.similar, "directory"),
        RecommendCreators=query(RecommendCreators, fitting.recommend, "directory", "campaigns"),
        GetBenchmarks=query(GetBenchmarks, fitting.benchmarks, "directory"),
    )
    return table, [Aggregate(creator, queries.show_creator)]
