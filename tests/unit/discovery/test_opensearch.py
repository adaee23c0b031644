"""What OpenSearch is told and asked; what it answers is `tests/integration`."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from deploy.local.embedded import free_port
from libs.events.memory import ManualClock
from libs.events.ports import Unavailable
from libs.events.testing import AT
from services.discovery.domain.criteria import AudienceKind, AudienceShare, CountRange, Criteria, PriceRange
from services.discovery.domain.text import Closeness
from services.discovery.index.opensearch_index import OpenSearchCreatorIndex
from services.discovery.index.opensearch_queries import matching, place_of, search_body, values_body, words_body
from services.discovery.index.opensearch_schema import index_body, indexed
from services.discovery.index.tantivy_index import TantivyCreatorIndex
from services.discovery.main import index_of
from services.discovery.ports import CreatorOrder, Place, Search
from services.discovery.settings import Settings
from tests.integration.test_creator_index import someone


def filters(**asked: Any) -> list[dict[str, Any]]:
    """Besides that the creator has joined."""
    joined, *others = matching(Criteria(**asked), AT)["bool"]["filter"]
    assert joined == {"term": {"joined": "yes"}}
    return others


# --- settings ------------------------------------------------------------------------------------------------------------


def test_a_password_in_the_address_is_never_printed_and_the_address_is_one_of_http() -> None:
    settings = Settings(index_url="https://limelight:secret@search.example:9200")
    assert "secret" not in repr(settings)
    with pytest.raises(ValueError, match="index_url") as refused:
        Settings(index_url="opensearch://limelight:secret@search.example")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "_all", "Creators", "creators*", "a,b"])
def test_an_index_has_a_name_that_names_it_alone(name: str) -> None:
    with pytest.raises(ValueError, match="index_name"):
        Settings(index_name=name)


def test_the_settings_choose_the_index() -> None:
    assert isinstance(index_of(Settings(), ManualClock(AT)), TantivyCreatorIndex)
    assert isinstance(index_of(Settings(index_url="http://search.example:9200"), ManualClock(AT)), OpenSearchCreatorIndex)


# --- documents -----------------------------------------------------------------------------------------------------------


def test_prices_and_shares_are_terms_that_sort_like_their_numbers() -> None:
    offer = {"platform": "tiktok", "format": "Live stream", "amount": {"amount": 500, "currency": "EUR"}}
    shares = {"countries": {"DE": 0.305}, "ages": {"13-17": 1.0}}
    made = indexed(someone(rate_card=[offer], audience=shares))
    assert made["prices"] == [
        f"EUR_{where}_{what} 0000000000000000500" for what in ("any", "flive_stream") for where in ("any", "tiktok")
    ]
    assert made["shares"] == ["country_DE 0000000000000000305", "age_31332d3137 0000000000000001000"]


def test_whoever_is_not_listed_has_no_field_to_be_found_by_and_who_is_gone_leaves_nothing() -> None:
    assert indexed(someone(status="suspended")).keys() == {"entry"}
    assert indexed(None) == {}


def test_every_field_of_a_document_is_mapped_and_no_name_of_a_price_or_share_is_a_field() -> None:
    offers = [{"platform": "tiktok", "format": f"format {n}", "amount": {"amount": n, "currency": "EUR"}} for n in range(2_000)]
    mapped = index_body()["mappings"]
    assert mapped["dynamic"] == "strict"
    assert indexed(someone(rate_card=offers)).keys() <= mapped["properties"].keys()


# --- queries -------------------------------------------------------------------------------------------------------------


def test_a_range_is_inclusive_and_one_without_bounds_asks_whether_it_was_measured() -> None:
    assert filters(followers=CountRange(least=1, most=2)) == [{"range": {"followers": {"gte": 1, "lte": 2}}}]
    assert filters(followers=CountRange(most=0)) == [{"range": {"followers": {"lte": 0}}}]
    assert filters(median_views=CountRange()) == [{"exists": {"field": "median_views"}}]


def test_prices_and_shares_are_looked_for_between_two_terms_of_one_name() -> None:
    price = PriceRange(least=5, most=70, currency="EUR", platform="youtube")
    assert filters(price=price) == [
        {"range": {"prices": {"gte": "EUR_youtube_any 0000000000000000005", "lte": "EUR_youtube_any 0000000000000000070"}}}
    ]
    share = AudienceShare(kind=AudienceKind.COUNTRY, value="DE", least=0.0015)
    assert filters(audience=(share,)) == [
        {"range": {"shares": {"gte": "country_DE 0000000000000000002", "lte": "country_DE 9999999999999999999"}}}
    ]


def test_hits_are_ordered_by_closeness_as_their_score_and_then_by_followers() -> None:
    search = Search(Criteria(text="ana"), CreatorOrder.RELEVANCE, 10, AT, Place(Closeness.BEGUN, 77))
    body = search_body(search)
    (tiers,) = body["query"]["bool"]["must"]
    assert [tier["constant_score"]["boost"] for tier in tiers["dis_max"]["queries"]] == [4, 3, 2, 1]
    assert body["sort"] == [{"_score": "desc"}, {"by_followers": "desc"}]
    assert body["search_after"] == [2, 77]
    assert place_of(search, [2.0, 77]) == search.after


def test_another_order_has_one_key_whatever_the_text() -> None:
    search = Search(Criteria(text="ana"), CreatorOrder.PRICE, 10, AT, Place(0, 77))
    body = search_body(search)
    assert (body["sort"], body["search_after"]) == ([{"by_price": "asc"}], [77])
    assert place_of(search, [77]) == search.after


def test_only_a_long_enough_word_may_be_begun_or_have_slips_and_no_word_that_is_near_is_left_out() -> None:
    def kinds(text: str) -> list[str]:
        (asked,) = filters(text=text)
        (word,) = asked["bool"]["filter"]
        return [kind for clause in word["bool"]["should"] for kind in clause]

    assert kinds("a") == ["term", "term"]
    assert kinds("ana") == ["term", "term", "prefix", "prefix"]
    assert kinds("berlin") == ["term", "term", "prefix", "prefix", "fuzzy", "fuzzy"]
    (asked,) = filters(text="skincare")
    fuzzy = asked["bool"]["filter"][0]["bool"]["should"][-1]["fuzzy"]["said"]
    assert fuzzy == {"value": "skincare", "fuzziness": 2, "transpositions": True, "rewrite": "constant_score"}


def test_totals_and_counts_are_exact() -> None:
    body = search_body(Search(Criteria(), CreatorOrder.FOLLOWERS, 20, AT, facets=("niches",)))
    assert body["track_total_hits"] is True
    counted = body["aggs"]["niches"]["terms"]
    assert (counted["size"], counted["shard_size"], counted["order"]) == (20, 1_000, [{"_count": "desc"}, {"_key": "asc"}])
    assert words_body("an", 5)["aggs"]["words"]["terms"]["include"] == "an.*"
    assert "search_after" not in values_body(Criteria(), ("followers",), AT, 10, None)


# --- answers -------------------------------------------------------------------------------------------------------------


async def test_who_does_not_answer_is_unavailable() -> None:
    index = OpenSearchCreatorIndex(f"http://127.0.0.1:{free_port()}", 1, ManualClock(AT), name="creators")
    with pytest.raises(Unavailable):
        await index.open()
    await index.close()


class Overloaded(BaseHTTPRequestHandler):
    """A cluster that takes requests, and none of the documents in them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        items = [{"index": {"_id": "crt_0000000001", "status": 429, "error": {"type": "rejected_execution_exception"}}}]
        self._answer(200, {"errors": True, "items": items} if self.path.startswith("/limelight") else {})

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(200, {})

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        settings = {"limelight-creators-v1": {"settings": {"index": {"uuid": "u1"}}}}
        known = {"/limelight-creators-v1/_doc/position": 404, "/limelight-creators-v1/_settings/index.uuid": 200}
        self._answer(known.get(self.path, 503), settings)

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


async def test_what_an_overloaded_cluster_refuses_may_be_tried_again() -> None:
    with HTTPServer(("127.0.0.1", 0), Overloaded) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        index = OpenSearchCreatorIndex(f"http://127.0.0.1:{server.server_port}", 1, ManualClock(AT), name="limelight-creators")
        assert await index.open() == 0
        with pytest.raises(Unavailable, match="rejected_execution_exception"):
            await index.write({"crt_0000000001": someone()}, 1)
        with pytest.raises(Unavailable, match="503"):
            await index.forget_others()
        await index.close()
        server.shutdown()
