"""analytics: the table of contents."""

from __future__ import annotations

from libs.chassis.rpcs import Aggregate, batch, command, get, query, rpcs, watch
from services.analytics import queries
from services.analytics.domain.post import RecordConversion, ReportMetrics, ReverseConversion, post

RPCS = rpcs(
    ReportMetrics=batch(ReportMetrics, items="reports"),
    RecordConversion=command(RecordConversion),
    ReverseConversion=command(ReverseConversion),
    GetPost=get(post),
    GetCampaignDashboard=query(queries.GetCampaignDashboard, queries.get_campaign_dashboard, "campaign_dashboards"),
    WatchCampaignDashboard=watch(queries.WatchCampaignDashboard, queries.watch_campaign_dashboard),
)

AGGREGATES = (Aggregate(post, queries.show_post),)
