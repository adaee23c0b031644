"""The table of contents: one line per rpc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from libs.chassis.rpcs import Aggregate, Reads, Rpc, command, get, query, rpcs
from services.campaigns import queries, shows, timeline
from services.campaigns.domain import brand as brands
from services.campaigns.domain import campaign as campaigns
from services.campaigns.domain import campaign_commands as campaign
from services.campaigns.domain import contract as contracts
from services.campaigns.domain import contract_commands as contract
from services.campaigns.domain import deliverable
from services.campaigns.domain import engagement as engagements
from services.campaigns.domain.policy import Policy


async def with_verification(launch: campaign.LaunchCampaign, reads: Reads) -> campaign.LaunchCampaign:
    """Stamps on whether the campaign's brand is verified, read from the brand's own stream: never out of date."""
    drafted = timeline.state_of(campaigns.campaign(Policy()), await reads.log.stream(launch.campaign_id))
    if isinstance(drafted, campaigns.Absent):
        return launch
    brand = timeline.state_of(brands.brand, await reads.log.stream(drafted.plan.brand_id))
    return launch.model_copy(update={"brand_verified": isinstance(brand, brands.Verified)})


def contents(policy: Policy) -> tuple[Mapping[str, Rpc], Sequence[Aggregate]]:
    """The rpcs and the aggregates behind them, with the rules as the policy sets them."""
    campaign_rules, engagement_rules = campaigns.campaign(policy), engagements.engagement(policy)
    contract_rules = contracts.contract(policy)
    table = rpcs(
        RegisterBrand=command(brands.RegisterBrand, id="party"),
        GetBrand=get(brands.brand),
        SubmitVerification=command(brands.SubmitVerification),
        VerifyBrand=command(brands.VerifyBrand),
        RejectBrand=command(brands.RejectBrand),
        DraftCampaign=command(campaign.DraftCampaign),
        GetCampaign=get(campaign_rules),
        ListCampaigns=query(queries.ListCampaigns, queries.list_campaigns, "campaigns"),
        LaunchCampaign=command(campaign.LaunchCampaign, enrich=with_verification),
        PauseCampaign=command(campaign.PauseCampaign),
        ResumeCampaign=command(campaign.ResumeCampaign),
        CancelCampaign=command(campaign.CancelCampaign),
        InviteCreators=command(campaign.InviteCreators),
        ListOpportunities=query(queries.ListOpportunities, queries.list_opportunities, "campaigns"),
        ApplyToCampaign=command(campaign.ApplyToCampaign, answer=shows.show_application),
        GetEngagement=get(engagement_rules),
        ListEngagements=query(queries.ListEngagements, queries.list_engagements, "engagements"),
        MakeOffer=command(engagements.MakeOffer),
        AcceptOffer=command(engagements.AcceptOffer),
        DeclineEngagement=command(engagements.DeclineEngagement),
        GetContract=get(contract_rules),
        ListContracts=query(queries.ListContracts, queries.list_contracts, "contracts"),
        GetContractTimeline=query(timeline.GetContractTimeline, timeline.contract_timeline, "timelines"),
        SignContract=command(contract.SignContract),
        ProposeCancellation=command(contract.ProposeCancellation),
        AcceptCancellation=command(contract.AcceptCancellation),
        DeclineCancellation=command(contract.DeclineCancellation),
        SubmitDraft=command(deliverable.SubmitDraft),
        RequestChanges=command(deliverable.RequestChanges),
        ApproveDeliverable=command(deliverable.ApproveDeliverable),
        PostContent=command(deliverable.PostContent),
        VerifyPost=command(deliverable.VerifyPost),
    )
    aggregates = [
        Aggregate(brands.brand, shows.show_brand),
        Aggregate(campaign_rules, shows.show_campaign),
        Aggregate(engagement_rules, shows.show_engagement),
        Aggregate(contract_rules, shows.show_contract),
    ]
    return table, aggregates
