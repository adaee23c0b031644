"""Who may call what, written by hand: beside the protos' annotations and the deciders, not from them. An rpc that has no line
here fails `test_authorisation.py`.

A line names the callers that may. A caller that is not named is told 404 if another of its role is named (the thing is not
there for it), and 403 if none is. What `LISTS` names is answered to that other one too, without the thing."""

from __future__ import annotations

from collections.abc import Mapping

NOBODY, ITS_BRAND, OTHER_BRAND = "nobody", "its brand", "another brand"
ITS_CREATOR, OTHER_CREATOR = "its creator", "another creator"
OPERATOR, SERVICE, DATA = "operator", "service", "data team"
CALLERS = (NOBODY, ITS_BRAND, OTHER_BRAND, ITS_CREATOR, OTHER_CREATOR, OPERATOR, SERVICE, DATA)
ROLES: Mapping[str, str] = {
    ITS_BRAND: "brand",
    OTHER_BRAND: "brand",
    ITS_CREATOR: "creator",
    OTHER_CREATOR: "creator",
    OPERATOR: "operator",
    SERVICE: "service",
    DATA: "data",
}

Who = frozenset[str]


def of(*callers: str) -> Who:
    return frozenset(callers)


BRANDS, CREATORS = of(ITS_BRAND, OTHER_BRAND), of(ITS_CREATOR, OTHER_CREATOR)
BRAND, CREATOR, STAFF = of(ITS_BRAND), of(ITS_CREATOR), of(OPERATOR)
PARTIES, IMPORTERS, READERS = BRAND | CREATOR, of(OPERATOR, SERVICE), of(OPERATOR, SERVICE, DATA)

CAMPAIGNS: Mapping[str, Who] = {
    "RegisterBrand": BRANDS,
    "GetBrand": BRAND | READERS,
    "SubmitVerification": BRAND,
    "VerifyBrand": STAFF,
    "RejectBrand": STAFF,
    "DraftCampaign": BRANDS,
    "GetCampaign": BRAND | READERS,
    "ListCampaigns": BRAND | READERS,
    "LaunchCampaign": BRAND,
    "PauseCampaign": BRAND | STAFF,
    "ResumeCampaign": BRAND | STAFF,
    "CancelCampaign": BRAND | STAFF,
    "InviteCreators": BRAND,
    "ListOpportunities": CREATORS | READERS,
    "ApplyToCampaign": CREATORS,
    "GetEngagement": PARTIES | READERS,
    "ListEngagements": PARTIES | READERS,
    "MakeOffer": PARTIES,
    "AcceptOffer": PARTIES,
    "DeclineEngagement": PARTIES,
    "GetContract": PARTIES | READERS,
    "ListContracts": PARTIES | READERS,
    "GetContractTimeline": PARTIES | READERS,
    "SignContract": PARTIES,
    "ProposeCancellation": PARTIES,
    "AcceptCancellation": PARTIES,
    "DeclineCancellation": PARTIES,
    "SubmitDraft": CREATOR,
    "RequestChanges": BRAND,
    "ApproveDeliverable": BRAND,
    "PostContent": CREATOR,
    "VerifyPost": BRAND | IMPORTERS,
}

DISCOVERY: Mapping[str, Who] = {
    "ApplyToJoin": CREATORS,
    "ImportCreators": IMPORTERS,
    "GetCreator": BRANDS | CREATORS | READERS,
    "GetCreator, rejected": CREATOR | READERS,
    "UpdateProfile": CREATOR | STAFF,
    "ConnectAccount": CREATOR | IMPORTERS,
    "SetRateCard": CREATOR | STAFF,
    "SetAvailability": CREATOR | STAFF,
    "SetContacts": CREATOR,
    "GetContacts": PARTIES | STAFF,
    "RecordAudienceSnapshot": CREATOR | IMPORTERS,
    "RecordPerformanceSnapshot": CREATOR | IMPORTERS,
    "SuspendCreator": STAFF,
    "ReinstateCreator": STAFF,
    "EraseCreator": CREATOR | STAFF,
    "GetTrackRecord": BRANDS | CREATORS | of(OPERATOR, DATA),
    "GetPayingRecord": BRANDS | CREATORS | of(OPERATOR, DATA),
    "SearchCreators": BRANDS | READERS,
    "BatchGetCreators": BRANDS | READERS,
    "SuggestWords": BRANDS | READERS,
    "FindSimilarCreators": BRANDS | STAFF,
    "RecommendCreators": BRAND | STAFF,
    "GetBenchmarks": BRANDS | CREATORS | READERS,
    "CreateShortlist": BRANDS,
    "ListShortlists": BRAND | STAFF,
    "GetShortlist": BRAND | STAFF,
    "AddToShortlist": BRAND | STAFF,
    "RemoveFromShortlist": BRAND | STAFF,
    "DeleteShortlist": BRAND | STAFF,
    "SaveSearch": BRANDS,
    "ListSavedSearches": BRAND | STAFF,
    "GetSavedSearch": BRAND | STAFF,
    "DeleteSavedSearch": BRAND | STAFF,
}

MESSAGING: Mapping[str, Who] = {
    "GetThread": PARTIES | STAFF,
    "ListThreads": PARTIES | STAFF,
    "ListMessages": PARTIES | STAFF,
    "WatchThread": PARTIES | STAFF,
    "SendMessage": PARTIES,
    "MarkRead": PARTIES,
}

PAYMENTS: Mapping[str, Who] = {
    "RequestDeposit": BRAND | STAFF,
    "GetAccount": BRAND | READERS,
    "GetAccount, a creator's": CREATOR | READERS,
    "ListEntries": BRAND | READERS,
    "ListEntries, a creator's": CREATOR | READERS,
    "GetPayment": PARTIES | READERS,
    "ListPayments": PARTIES | READERS,
}

ANALYTICS: Mapping[str, Who] = {
    "ReportMetrics": CREATOR | IMPORTERS,
    "RecordConversion": BRAND | IMPORTERS,
    "ReverseConversion": BRAND | IMPORTERS,
    "GetPost": PARTIES | READERS,
    "GetCampaignDashboard": BRAND | of(OPERATOR, DATA),
    "WatchCampaignDashboard": BRAND | of(OPERATOR, DATA),
}

WHO_MAY: Mapping[str, Who] = {**CAMPAIGNS, **DISCOVERY, **MESSAGING, **PAYMENTS, **ANALYTICS}

BY_SIGNATURE = frozenset({"ReceiveWebhook"})
"""For whoever can sign it: what a token says is of no interest."""

LISTS: Mapping[str, str] = {
    "ListCampaigns": "campaign_id",
    "ListEngagements": "engagement_id",
    "ListContracts": "contract_id",
    "ListShortlists": "shortlist_id",
    "ListSavedSearches": "saved_search_id",
    "ListThreads": "thread_id",
    "ListPayments": "payment_id",
}
"""What the list holds for those who may see it, and for nobody else."""

ACCOUNTS = frozenset({"RequestDeposit", "GetAccount", "GetAccount, a creator's", "ListEntries", "ListEntries, a creator's"})
"""Every party has an account from the beginning: to those whom all accounts are open to, an unknown one is an empty one."""

IN_THE_BODY: Mapping[str, str] = {
    "RecordConversion": "post_id",
    "ReverseConversion": "post_id",
    "ReportMetrics": "post_id",
    "FindSimilarCreators": "creator_id",
}
"""Whose thing is not named by the path, or not by it alone."""

LAST = ("DeleteShortlist", "DeleteSavedSearch", "CancelCampaign", "SuspendCreator", "EraseCreator")
"""After these a thing is another thing."""
