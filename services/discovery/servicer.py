"""The table of contents: one line per rpc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from libs.chassis.rpcs import Aggregate, Rpc, batch, command, get, query, rpcs
from services.discovery import paying_records, queries, saved_searches, shortlists, track_records
from services.discovery.domain import creator_commands as creators
from services.discovery.domain import saved_search as searches
from services.discovery.domain import shortlist as lists
from services.discovery.domain.badges import BadgePolicy
from services.discovery.domain.creator import creator as creator_under
from services.discovery.domain.eligibility import Policy
from services.discovery.domain.fit import Weights
from services.discovery.domain.track_record import track_record
from services.discovery.fitting import BatchGetCreators, FindSimilarCreators, Fitting, GetBenchmarks, RecommendCreators
from services.discovery.ports import CreatorIndex
from services.discovery.searching import SearchCreators, Searching, SuggestWords


def contents(
    policy: Policy, badges: BadgePolicy, index: CreatorIndex, weights: Weights
) -> tuple[Mapping[str, Rpc], Sequence[Aggregate]]:
    """The rpcs and the aggregates behind them, with the rules as the policies set them."""
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
        GetTrackRecord=query(track_records.GetTrackRecord, track_records.get_track_record, "directory"),
        GetPayingRecord=query(paying_records.GetPayingRecord, paying_records.get_paying_record, "paying_records"),
        CreateShortlist=command(lists.CreateShortlist),
        GetShortlist=get(lists.shortlist),
        ListShortlists=query(shortlists.ListShortlists, shortlists.list_shortlists, "shortlists"),
        AddToShortlist=command(lists.AddToShortlist, enrich=shortlists.with_creator),
        RemoveFromShortlist=command(lists.RemoveFromShortlist),
        DeleteShortlist=command(lists.DeleteShortlist),
        SaveSearch=command(searches.SaveSearch, enrich=saved_searches.with_kept),
        GetSavedSearch=get(searches.saved_search),
        ListSavedSearches=query(saved_searches.ListSavedSearches, saved_searches.list_saved_searches, "saved_searches"),
        DeleteSavedSearch=command(searches.DeleteSavedSearch),
        SearchCreators=query(SearchCreators, searching.search, "directory"),
        SuggestWords=query(SuggestWords, searching.suggest, "directory"),
        BatchGetCreators=query(BatchGetCreators, fitting.batch_get, "directory"),
        FindSimilarCreators=query(FindSimilarCreators, fitting.similar, "directory"),
        RecommendCreators=query(RecommendCreators, fitting.recommend, "directory", "campaigns"),
        GetBenchmarks=query(GetBenchmarks, fitting.benchmarks, "directory"),
    )
    aggregates = [
        Aggregate(creator, queries.show_creator),
        Aggregate(track_record(badges), track_records.show_track_record),
        Aggregate(lists.shortlist, shortlists.show_shortlist),
        Aggregate(searches.saved_search, saved_searches.show_saved_search),
    ]
    return table, aggregates
