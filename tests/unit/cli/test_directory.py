"""The simulated directory: the same for everyone, and shaped like the ones of the field."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from cli.directory import creators
from cli.directory.countries import BY_CODE, COUNTRIES, abroad
from cli.directory.creators import MARK
from cli.directory.niches import BY_NAME, NICHES
from cli.main import app
from libs.chassis import descriptors
from libs.chassis.build_protos import build
from libs.chassis.messages import converters
from libs.events.catalog.values import EngagementRateMethod
from libs.events.decider import Actor, Role
from services.discovery.domain.creator import Joined, Rejected, creator
from services.discovery.domain.creator_commands import ImportCreator
from services.discovery.domain.eligibility import Policy

AT = datetime(2026, 11, 1, tzinfo=UTC)
MANY = 20_000
Json = dict[str, Any]


@pytest.fixture(scope="module")
def many() -> list[Json]:
    return list(creators(MANY, 7, AT))


def digest(count: int, seed: int = 7, at: datetime = AT) -> str:
    return hashlib.sha256(b"\n".join(map(orjson.dumps, creators(count, seed, at)))).hexdigest()


# --- The same for everyone -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_another_process_makes_the_same_creators(hash_seed: str) -> None:
    program = f"import {__name__} as it; print(it.digest(500))"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert there.stdout.strip() == digest(500)


def test_a_larger_directory_begins_with_the_smaller_one() -> None:
    assert list(islice(creators(10**6, 7, AT), 300)) == list(creators(300, 7, AT))


def test_another_seed_makes_others() -> None:
    assert digest(50, seed=8) != digest(50, seed=7)


def test_on_a_later_day_they_are_the_same_ones_measured_later() -> None:
    def timeless(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: timeless(inner) for name, inner in value.items() if not name.endswith("At")}

    then, now = list(creators(200, 7, AT)), list(creators(200, 7, AT + timedelta(days=30)))
    assert [timeless(one) for one in then] == [timeless(one) for one in now]
    assert all(a["performance"]["capturedAt"] < b["performance"]["capturedAt"] for a, b in zip(then, now, strict=True))


def test_memory_does_not_grow_with_their_number() -> None:
    tracemalloc.start()
    try:
        for _ in creators(3_000, 7, AT):
            pass
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


# --- What the marketplace makes of them ------------------------------------------------------------------------------


def test_each_is_taken_as_it_is_and_most_join(many: list[Json], tmp_path: Path) -> None:
    protos = descriptors.load(build(output=tmp_path / "limelight.binpb"))
    methods = {method.name: method for service in protos.of("discovery") for method in service.methods.values()}
    converted = converters(methods["ImportCreators"].input)
    rules, importer = creator(Policy()), Actor("importer", Role.SERVICE)
    fates: Counter[str] = Counter()
    for first in range(0, 4_000, 500):
        message = converted.from_json({"creators": many[first : first + 500]})
        for fields in converted.to_fields(message)["creators"]:
            command = ImportCreator(**fields).model_copy(update={"actor": importer, "at": AT})
            state = rules.fold(rules.decide(command, rules.initial), rules.initial)
            assert isinstance(state, Joined | Rejected)
            fates[type(state).__name__] += 1
    assert 0.9 < fates["Joined"] / fates.total() < 1, fates


def test_none_passes_for_a_person_and_none_for_another(many: list[Json]) -> None:
    assert all(one["bio"].endswith(MARK) and one["handle"].endswith(".sim") for one in many)
    assert {account["connectedVia"] for one in many for account in one["accounts"]} == {"import"}
    assert len({one["handle"] for one in many}) == len({one["creatorId"] for one in many}) == MANY


# --- Shaped like the ones of the field -------------------------------------------------------------------------------


def test_followers_are_heavy_tailed(many: list[Json]) -> None:
    counts = [largest(one) for one in many]
    shares = {tier: sum(count >= tier for count in counts) / MANY for tier in (10**4, 10**5, 10**6, 10**7)}
    assert 0.95 < shares[10**4] < 1, "a few are too small to join"
    assert 0.08 < shares[10**5] < 0.12
    assert 0.006 < shares[10**6] < 0.014
    assert 0 < shares[10**7] < 0.003
    assert max(counts) <= 150_000_000
    assert sum(sorted(counts)[-MANY // 100 :]) > 0.3 * sum(counts), "the largest hundredth has a third of all followers"


@pytest.mark.parametrize("method", EngagementRateMethod)
def test_engagement_falls_with_size(many: list[Json], method: str) -> None:
    rated = [one for one in many if one["performance"].get("engagementRateMethod") == method]
    rates = [one["performance"]["engagementRate"] for one in rated]
    assert len(rated) > MANY / 30
    assert -0.8 < rank_correlation([largest(one) for one in rated], rates) < -0.25
    assert all(0 < rate <= 0.4 for rate in rates)


def test_views_grow_with_followers_and_average_above_the_median(many: list[Json]) -> None:
    both = [one for one in many if {"medianViews", "averageViews"} <= one["performance"].keys()]
    assert rank_correlation([largest(one) for one in both], [one["performance"]["medianViews"] for one in both]) > 0.6
    assert all(one["performance"]["medianViews"] <= one["performance"]["averageViews"] for one in both)


def test_languages_follow_from_the_country(many: list[Json]) -> None:
    for one in many:
        country = BY_CODE[one["country"]]
        assert one["languages"][0] == country.language
        assert set(one["languages"]) <= {country.language, *(language for language, _ in country.also)}
    assert {one["country"] for one in many} == {country.code for country in COUNTRIES}


def test_niches_vary_by_country_a_little(many: list[Json]) -> None:
    first = Counter(one["niches"][0] for one in many)
    assert first.keys() == {niche.name for niche in NICHES}
    for niche in (BY_NAME["beauty"], BY_NAME["gaming"]):
        loved = [one["niches"][0] == niche.name for one in many if one["country"] in niche.loved]
        assert 1.2 < (sum(loved) / len(loved)) / (first[niche.name] / MANY) < 1.8
    assert all(set(one["niches"][1:]) <= set(BY_NAME[one["niches"][0]].near) for one in many)


def test_shares_sum_to_one(many: list[Json]) -> None:
    for name, shares in distributions(many):
        assert sum(shares.values()) == pytest.approx(1, abs=1e-9), name
        assert all(0 < share <= 1 for share in shares.values()), (name, shares)


def test_home_dominates_an_audience_and_those_who_speak_the_same_come_next(many: list[Json]) -> None:
    watched = [one for one in many if "audience" in one]
    foreign = [one for one in watched if max(countries_of(one), key=countries_of(one).__getitem__) != one["country"]]
    assert len(foreign) < len(watched) / 200
    assert {code for code, _ in abroad("AT")[:2]} == {"DE", "CH"}
    at_home = [countries_of(one)[one["country"]] for one in watched]
    assert rank_correlation([largest(one) for one in watched], at_home) < -0.1, "the larger are watched from further away"


def test_the_niche_draws_women_men_and_ages(many: list[Json]) -> None:
    women: dict[str, list[float]] = {"beauty": [], "gaming": []}
    young: dict[str, list[float]] = {"gaming": [], "gardening": []}
    for one in many:
        niche, audience = one["niches"][0], one.get("audience")
        if audience and niche in women:
            women[niche].append(audience["genders"]["female"])
        if audience and niche in young:
            young[niche].append(audience["ages"]["18-24"])
    assert median(women["beauty"]) > 0.75 > 0.35 > median(women["gaming"])
    assert median(young["gaming"]) > 2 * median(young["gardening"])


def test_what_was_not_measured_is_missing_and_never_zero(many: list[Json]) -> None:
    for name, least, most in (
        ("medianViews", 0.02, 0.06),
        ("engagementRate", 0.005, 0.02),
        ("completionRate", 0.3, 0.4),
        ("followerGrowth", 0.08, 0.12),
        ("sponsored", 0.6, 0.7),
    ):
        missing = sum(name not in one["performance"] for one in many) / MANY
        assert least < missing < most, (name, missing)
    assert 0.1 < sum("audience" not in one for one in many) / MANY < 0.15
    assert 0.01 < sum("absence" in one for one in many) / MANY < 0.03
    assert "null" not in orjson.dumps(many).decode()


def test_prices_rise_with_the_tier_and_are_in_one_currency_of_the_country(many: list[Json]) -> None:
    videos: dict[int, list[int]] = {4: [], 5: [], 6: []}
    assert 0 < sum("rateCard" not in one for one in many) < MANY / 10, "some tell no price"
    for one in (one for one in many if "rateCard" in one):
        currency = BY_CODE[one["country"]].currency
        assert {entry["amount"]["currency"] for entry in one["rateCard"]} <= {currency}
        offered = [(entry["platform"], entry["format"]) for entry in one["rateCard"]]
        assert len(offered) == len(set(offered))
        assert {platform for platform, _ in offered} <= {account["platform"] for account in one["accounts"]}
        tier = int(math.log10(largest(one)))
        if one["country"] == "US" and one["accounts"][0]["platform"] == "tiktok" and tier in videos:
            videos[tier] += [entry["amount"]["amount"] for entry in one["rateCard"] if entry["platform"] == "tiktok"]
    low, middle, high = (median(videos[tier]) for tier in (4, 5, 6))
    assert 3 < middle / low < 9
    assert 3 < high / middle < 9


# --- The command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_a_line_per_creator(tmp_path: Path) -> None:
    path = tmp_path / "creators.jsonl"
    arguments = ["generate", "creators", "--count", "25", "--seed", "7", "--on", "2026-11-01", "--out", str(path)]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, "25 simulated creators" in done.stdout) == (0, True)
    assert [orjson.loads(line) for line in path.read_bytes().splitlines()] == list(creators(25, 7, AT))
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["generate", "creators", "-n", "1", "--out", str(tmp_path / "no" / "where.jsonl")])
    assert (done.exit_code, "cannot be written" in done.stderr) == (1, True)


def largest(one: Json) -> int:
    return max(account["followers"] for account in one["accounts"])


def countries_of(one: Json) -> dict[str, float]:
    return dict(one["audience"]["countries"])


def distributions(many: list[Json]) -> list[tuple[str, dict[str, float]]]:
    return [(name, shares) for one in many for name, shares in one.get("audience", {}).items() if isinstance(shares, dict)]


def rank_correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Spearman's."""
    x, y = _ranks(left), _ranks(right)
    middle = (len(x) - 1) / 2
    together = sum((a - middle) * (b - middle) for a, b in zip(x, y, strict=True))
    return together / sum((a - middle) ** 2 for a in x)


def _ranks(values: Sequence[float]) -> list[int]:
    ranks = [0] * len(values)
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        ranks[index] = rank
    return ranks
