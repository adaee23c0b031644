"""The table of contents fits the protos, and every state can be shown."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from libs.chassis import descriptors
from libs.chassis.build_protos import build
from libs.chassis.messages import converters
from libs.chassis.table import check
from libs.events.catalog.discovery import CreatorSuspended
from libs.events.catalog.values import EngagementRateMethod
from services.discovery.directory import Directory
from services.discovery.domain.badges import BadgePolicy
from services.discovery.domain.creator import Creator
from services.discovery.domain.fit import Weights
from services.discovery.index.memory_index import MemoryCreatorIndex
from services.discovery.projections import PROJECTIONS
from services.discovery.queries import show_creator
from services.discovery.servicer import contents
from services.discovery.settings import Settings
from tests.unit.discovery.examples import ANA, POLICY, RULES, applied, joined, rejected


@pytest.fixture(scope="module")
def methods(tmp_path_factory: pytest.TempPathFactory) -> dict[str, descriptors.Method]:
    protos = descriptors.load(build(output=tmp_path_factory.mktemp("protos") / "limelight.binpb"))
    return {method.name: method for service in protos.of("discovery") for method in service.methods.values()}


def test_the_table_names_the_methods_of_the_protos(methods: dict[str, descriptors.Method]) -> None:
    index = MemoryCreatorIndex()
    rpcs, aggregates = contents(POLICY, BadgePolicy(), index, Weights())
    check(methods, rpcs, aggregates, [*(one.name for one in PROJECTIONS), Directory(index).name])
    assert all(method.roles for method in methods.values())


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RULES.fold([applied(), rejected()]), "rejected"),
        (RULES.fold([applied(), joined()]), "joined"),
        (RULES.fold([applied(), joined(), CreatorSuspended(creator_id=ANA, reason="spam")]), "suspended"),
    ],
)
def test_every_state_can_be_shown_and_none_shows_the_age(
    methods: dict[str, descriptors.Method], state: Creator, status: str
) -> None:
    resource = converters(methods["GetCreator"].output)
    shown = resource.to_json(resource.from_fields({**show_creator(ANA, state), "version": 2}))
    assert (shown["status"], shown["followers"], shown["version"]) == (status, 52_000, 2)
    assert "age" not in shown
    assert bool(shown["reasons"]) is (status == "rejected")


def test_the_policy_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().policy() == POLICY
    monkeypatch.setenv("POLICY_VERSION", "2")
    monkeypatch.setenv("LEAST_FOLLOWERS", "500")
    monkeypatch.setenv("LEAST_ENGAGEMENT_RATE_BY_REACH", "0.03")
    policy = Settings().policy()
    assert (policy.version, policy.least_followers) == (2, 500)
    assert policy.least_engagement[EngagementRateMethod.BY_REACH] == 0.03


def test_the_badge_policy_is_a_setting_of_the_same_edition(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().badge_policy() == BadgePolicy()
    monkeypatch.setenv("POLICY_VERSION", "2")
    monkeypatch.setenv("RESPONSIVE_MOST_MEDIAN_HOURS", "24")
    policy = Settings().badge_policy()
    assert (policy.version, policy.most_median_hours) == (2, 24)


@pytest.mark.parametrize("weights", ['{"niches": 1}', '{"niches":0,"audience":0,"size":0,"engagement":0,"languages":0}'])
def test_weights_are_whole_and_not_nothing(monkeypatch: pytest.MonkeyPatch, weights: str) -> None:
    monkeypatch.setenv("SIMILAR_WEIGHTS", weights)
    with pytest.raises(ValidationError, match="weights are given for niches"):
        Settings()
