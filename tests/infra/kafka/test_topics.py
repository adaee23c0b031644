"""Topics are kept for ever; one that is lost all the same, in the midst of a publish, is given again in its order."""

from __future__ import annotations

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from libs.events.envelope import topic
from libs.events.progress import sift
from libs.events.testing import eventually
from tests.infra.kafka.checks import read_all
from tests.infra.kafka.cluster import Cluster
from tests.infra.kafka.conftest import Report
from tests.infra.kafka.flow import Flow, bus_of

pytestmark = [pytest.mark.apache, pytest.mark.timeout(300)]

LOSSES = 5
"""A loss now and then finds nothing under way."""


async def test_a_topic_is_kept_for_ever_and_by_two_brokers_at_least(cluster: Cluster, service_name: str) -> None:
    bus, name = bus_of(cluster.bootstrap), topic(service_name)
    await bus.ensure(name)
    async with cluster.admin() as admin:
        [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    [(_, _, _, _, entries)] = answer.resources
    told = {entry[0]: entry[1] for entry in entries}
    assert (told["retention.ms"], told["retention.bytes"], told["min.insync.replicas"]) == ("-1", "-1", "2")


async def test_a_page_that_is_sent_again_into_a_new_topic_comes_too_early_and_is_left(
    cluster: Cluster, service_name: str, report: Report
) -> None:
    """The topic is deleted and made anew behind aiokafka's back, which sends again what is refused meanwhile. The group has
    read a part of what the topic was."""
    flow = Flow(cluster.bootstrap, service_name, patience=30.0)
    async with flow.running(member=False):
        member = flow.member(flow.bus)
        await member.start()
        await flow.goes_on()
        await eventually(lambda: flow.delivered >= 50, timeout=30.0)
        await member.stop()
        await flow.goes_on()
        for _ in range(LOSSES):
            async with cluster.admin() as admin:
                await admin.delete_topics([flow.topic])
            await bus_of(cluster.bootstrap).ensure(flow.topic)
            await flow.goes_on()
            if sift(await read_all(cluster.bootstrap, flow.topic), {}).early:
                break
        late = flow.member(flow.bus)
        await late.start()
    await late.stop()
    early = sift(await read_all(cluster.bootstrap, flow.topic), {}).early
    assert early, "each time the topic was lost while nothing was under way"
    assert late.counts["early"] >= len(early), "what is delivered twice is left twice"
    report(
        "a topic lost under a lagging read model, and the page in flight first in the new one",
        "none; Kafka takes any sequence of a producer that it does not know",
        f"{len(early)} of {flow.added:,} events came too early and were left, and all of it came again in order; the view "
        "equals the fold of the log",
    )
