"""JSON and fields ↔ messages."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from libs.chassis import messages
from libs.chassis.descriptors import Protos, message_class
from libs.chassis.message_reading import DEEPEST, SAFE_INTEGER, Once
from libs.events.catalog.values import Money
from libs.events.decider import Kind, Refusal


@pytest.fixture(scope="module")
def book(library: Protos) -> type[Message]:
    return next(m for m in library.methods() if m.name == "GetBook").reply_class


def refusal(book: type[Message], data: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        messages.from_json(book, data)
    assert caught.value.kind is Kind.INVALID_ARGUMENT
    return caught.value


def test_json_shows_every_field_and_null_for_what_is_not_set(book: type[Message]) -> None:
    assert messages.to_json(messages.from_json(book, {"bookId": "b1"})) == {
        "bookId": "b1",
        "title": "",
        "kind": None,
        "tags": [],
        "publishedAt": None,
        "price": None,
        "pages": None,
        "copies": 0,
        "rating": None,
        "weight": 0.0,
        "lent": False,
        "cover": "",
        "towns": {},
        "chapters": [],
        "related": [],
        "prices": {},
        "shelf": None,
        "reader": None,
        "firstKind": None,
        "years": {},
        "version": 0,
    }


def test_fields_leave_out_what_is_not_set(book: type[Message]) -> None:
    fields = messages.to_fields(messages.from_json(book, {"bookId": "b1", "kind": "field_guide"}))
    assert fields["kind"] == "field_guide"
    assert fields["tags"] == []
    assert not fields.keys() & {"pages", "price", "published_at", "shelf", "first_kind"}
    assert "kind" not in messages.to_fields(book())


def test_an_optional_zero_is_not_the_same_as_absent(book: type[Message]) -> None:
    assert messages.to_json(messages.from_json(book, {"pages": 0}))["pages"] == 0
    assert messages.to_fields(messages.from_json(book, {"pages": 0}))["pages"] == 0


def test_an_empty_message_is_not_the_same_as_absent(book: type[Message]) -> None:
    assert messages.to_json(messages.from_json(book, {"price": {}}))["price"] == {"amount": 0, "currency": ""}


def test_what_stays_the_same_is_made_once_and_what_varies_each_time(book: type[Message]) -> None:
    """What stays is not read again: the key says that it is the same."""
    varies = frozenset({"chapters"})
    chapters = [
        Once({"title": "Soap", "chapters": [{"title": "1"}]}, ("soap", 1), varies),
        Once({"title": "not read", "chapters": [{"title": "2"}]}, ("soap", 1), varies),
        Once({"title": "Soap, again"}, ("soap", 2), varies),
    ]
    made = messages.to_json(messages.from_fields(book, {"chapters": chapters}))["chapters"]
    told = [(one["title"], [part["title"] for part in one["chapters"]]) for one in made]
    assert told == [("Soap", ["1"]), ("Soap", ["2"]), ("Soap, again", [])]


def test_a_map_is_always_told_in_the_same_order(book: type[Message]) -> None:
    """A message's own order changes from one process to the next, and the simulation's traces with it."""
    towns = dict.fromkeys("hgfedcba", 1)
    assert list(messages.to_json(messages.from_json(book, {"towns": towns}))["towns"]) == sorted(towns)


def test_lists_and_maps_of_one_answer_are_not_shared_with_the_next(book: type[Message]) -> None:
    messages.to_json(book())["tags"].append("x")
    messages.to_json(book())["towns"]["Bonn"] = 1
    assert messages.to_json(book())["tags"] == []
    assert messages.to_json(book())["towns"] == {}


def test_null_counts_as_left_out(book: type[Message]) -> None:
    assert messages.from_json(book, dict.fromkeys(messages.to_json(book()))) == book()


def test_integers_are_read_from_digits_too(book: type[Message]) -> None:
    read = messages.from_json(book, {"copies": "42", "pages": 3.0, "rating": "4.5", "years": {"2026": "7"}})
    assert messages.to_fields(read) | {"copies": 42, "pages": 3, "rating": 4.5, "years": {"2026": 7}} == messages.to_fields(
        read
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-22T14:00:00Z", "2026-11-22T14:00:00.000Z"),
        ("2026-11-22t15:30:00.25+01:30", "2026-11-22T14:00:00.250Z"),
        ("2026-11-22T14:00:00.123456Z", "2026-11-22T14:00:00.123456Z"),
        ("2026-11-22T14:00:00.123456789Z", "2026-11-22T14:00:00.123456789Z"),
        ("1969-12-31T23:59:59.500Z", "1969-12-31T23:59:59.500Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_shown_in_utc_with_milliseconds_or_as_many_digits_as_they_have(
    book: type[Message], text: str, shown: str
) -> None:
    assert messages.to_json(messages.from_json(book, {"publishedAt": text}))["publishedAt"] == shown


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        ({"isbn": "1"}, "UNKNOWN_FIELD", "isbn"),
        ({"book_id": "b1"}, "UNKNOWN_FIELD", "book_id"),
        ({"_marks": {}}, "UNKNOWN_FIELD", "_marks"),
        ({"price": {"sum": 1}}, "UNKNOWN_FIELD", "price.sum"),
        ({"title": 5}, "WRONG_TYPE", "title"),
        ({"pages": "many"}, "WRONG_TYPE", "pages"),
        ({"pages": True}, "WRONG_TYPE", "pages"),
        ({"pages": 1.5}, "WRONG_TYPE", "pages"),
        ({"pages": " 5"}, "WRONG_TYPE", "pages"),
        ({"pages": "٣"}, "WRONG_TYPE", "pages"),
        ({"lent": "true"}, "WRONG_TYPE", "lent"),
        ({"lent": 1}, "WRONG_TYPE", "lent"),
        ({"rating": "high"}, "WRONG_TYPE", "rating"),
        ({"rating": "NaN"}, "WRONG_TYPE", "rating"),
        ({"rating": False}, "WRONG_TYPE", "rating"),
        ({"price": []}, "WRONG_TYPE", "price"),
        ({"price": "5 EUR"}, "WRONG_TYPE", "price"),
        ({"tags": "moss"}, "WRONG_TYPE", "tags"),
        ({"tags": {"0": "moss"}}, "WRONG_TYPE", "tags"),
        ({"tags": ["moss", None]}, "WRONG_TYPE", "tags[1]"),
        ({"tags": ["moss", 5]}, "WRONG_TYPE", "tags[1]"),
        ({"towns": []}, "WRONG_TYPE", "towns"),
        ({"towns": {"Bonn": "many"}}, "WRONG_TYPE", "towns[Bonn]"),
        ({"towns": {"Bonn": None}}, "WRONG_TYPE", "towns[Bonn]"),
        ({"years": {"x": 1}}, "WRONG_TYPE", "years[x]"),
        ({"prices": {"DE": {"amount": "x"}}}, "WRONG_TYPE", "prices[DE].amount"),
        ({"chapters": [{}, {"chapters": [{"title": 1}]}]}, "WRONG_TYPE", "chapters[1].chapters[0].title"),
        ([], "WRONG_TYPE", None),
        (None, "WRONG_TYPE", None),
        ({"pages": 2**31}, "OUT_OF_RANGE", "pages"),
        ({"pages": -(2**31) - 1}, "OUT_OF_RANGE", "pages"),
        ({"copies": 2**53}, "OUT_OF_RANGE", "copies"),
        ({"years": {"2026": -1}}, "OUT_OF_RANGE", "years[2026]"),
        ({"weight": 1e39}, "OUT_OF_RANGE", "weight"),
        ({"rating": "1e999"}, "OUT_OF_RANGE", "rating"),
        ({"kind": "essay"}, "UNKNOWN_VALUE", "kind"),
        ({"kind": "unspecified"}, "UNKNOWN_VALUE", "kind"),
        ({"kind": "BOOK_KIND_NOVEL"}, "UNKNOWN_VALUE", "kind"),
        ({"kind": 1}, "UNKNOWN_VALUE", "kind"),
        ({"kind": ["novel"]}, "UNKNOWN_VALUE", "kind"),
        ({"related": ["novel", "essay"]}, "UNKNOWN_VALUE", "related[1]"),
        ({"publishedAt": "yesterday"}, "MALFORMED_TIME", "publishedAt"),
        ({"publishedAt": "2026-11-22T14:00:00"}, "MALFORMED_TIME", "publishedAt"),
        ({"publishedAt": "2026-11-22"}, "MALFORMED_TIME", "publishedAt"),
        ({"publishedAt": "2026-02-30T14:00:00Z"}, "MALFORMED_TIME", "publishedAt"),
        ({"publishedAt": "0001-01-01T00:00:00+01:00"}, "MALFORMED_TIME", "publishedAt"),
        ({"publishedAt": 1_795_356_000}, "WRONG_TYPE", "publishedAt"),
        ({"cover": "no base64!"}, "MALFORMED_BYTES", "cover"),
        ({"cover": "YQ==YQ=="}, "MALFORMED_BYTES", "cover"),
        ({"shelf": "A", "reader": "Bea"}, "CONFLICTING_FIELDS", "reader"),
    ],
)
def test_bad_input_is_refused_with_its_place(book: type[Message], data: Any, code: str, field: str | None) -> None:
    refused = refusal(book, data)
    assert (refused.code, refused.field) == (code, field)


def test_a_refused_enum_says_what_is_allowed(book: type[Message]) -> None:
    assert sorted(refusal(book, {"kind": "essay"}).details["allowed"]) == ["field_guide", "novel"]


def test_messages_that_hold_themselves_may_not_be_nested_without_end(book: type[Message]) -> None:
    def nested(levels: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for _ in range(levels):
            data = {"chapters": [data]}
        return data

    messages.from_json(book, nested(DEEPEST // 2))
    assert refusal(book, nested(DEEPEST)).code == "TOO_DEEP"
    assert refusal(book, nested(300)).code == "TOO_DEEP"


def test_our_own_answers_may_hold_datetimes_pydantic_values_tuples_and_kernel_fields(book: type[Message]) -> None:
    at = datetime(2026, 11, 22, 15, tzinfo=timezone(timedelta(hours=1)))
    written = messages.from_fields(
        book, {"published_at": at, "price": Money(amount=5, currency="EUR"), "tags": ("moss",), "_marks": {"b1": 7}}
    )
    shown = messages.to_json(written)
    assert shown["publishedAt"] == "2026-11-22T14:00:00.000Z"
    assert shown["price"] == {"amount": 5, "currency": "EUR"}
    assert shown["tags"] == ["moss"]


def test_a_fault_in_our_own_answer_is_not_the_callers(book: type[Message]) -> None:
    with pytest.raises(Refusal) as caught:
        messages.from_fields(book, {"published_at": "soon"})
    assert (caught.value.kind, caught.value.field) == (Kind.INTERNAL, "publishedAt")


def test_a_number_of_a_newer_enum_is_shown_as_it_is(book: type[Message]) -> None:
    message: Any = book()
    message.kind = 99
    assert messages.to_json(message)["kind"] == "99"


texts = st.text(st.characters(codec="utf-8"), max_size=20)
moneys = st.fixed_dictionaries({"amount": st.integers(-SAFE_INTEGER, SAFE_INTEGER), "currency": texts})
times = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
chapters = st.recursive(
    st.fixed_dictionaries({"title": texts, "chapters": st.just([])}),
    lambda inner: st.fixed_dictionaries({"title": texts, "chapters": st.lists(inner, max_size=2)}),
    max_leaves=5,
)
kinds = st.sampled_from(["novel", "field_guide"])
finite = st.floats(allow_nan=False, allow_infinity=False)
books = st.fixed_dictionaries(
    {
        "bookId": texts,
        "title": texts,
        "kind": st.none() | kinds,
        "tags": st.lists(texts, max_size=3),
        "publishedAt": st.none() | times,
        "price": st.none() | moneys,
        "pages": st.none() | st.integers(-(2**31), 2**31 - 1),
        "copies": st.integers(-SAFE_INTEGER, SAFE_INTEGER),
        "rating": st.none() | finite,
        "weight": st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False),
        "lent": st.booleans(),
        "towns": st.dictionaries(texts, st.integers(0, 1000), max_size=3),
        "chapters": st.lists(chapters, max_size=2),
        "related": st.lists(kinds, max_size=3),
        "prices": st.dictionaries(texts, moneys, max_size=2),
        "shelf": st.none() | texts,
        "firstKind": st.none() | kinds,
        "years": st.dictionaries(st.integers(-(2**31), 2**31 - 1).map(str), st.integers(0, 2**32 - 1), max_size=2),
        "version": st.integers(0, SAFE_INTEGER),
    }
)


@given(data=books)
def test_what_is_read_is_shown_again(book: type[Message], data: dict[str, Any]) -> None:
    message = messages.from_json(book, data)
    shown = messages.to_json(message)
    assert math.isclose(shown.pop("weight"), data.pop("weight"), rel_tol=1e-6)
    assert shown == data | {"cover": "", "reader": None}
    assert messages.from_fields(book, messages.to_fields(message)) == message


@given(data=books)
def test_the_messages_are_those_of_json_format(book: type[Message], data: dict[str, Any]) -> None:
    """The flavours differ in the names of enum values only."""
    said = {name: value for name, value in data.items() if value is not None}
    for name in ("kind", "firstKind"):
        if name in said:
            said[name] = f"BOOK_KIND_{said[name].upper()}"
    said["related"] = [f"BOOK_KIND_{kind.upper()}" for kind in said["related"]]
    theirs = json_format.ParseDict(said, book())
    assert messages.from_json(book, data) == theirs
    plain = json_format.MessageToDict(theirs, always_print_fields_with_no_presence=True)
    ours = messages.to_json(theirs)
    for name in ("title", "tags", "lent", "weight", "rating", "pages", "chapters", "shelf"):
        assert plain.get(name) == ours[name]
    assert int(plain["copies"]) == ours["copies"]


def test_a_type_without_a_form_here_is_refused_when_it_is_compiled(library: Protos) -> None:
    from google.protobuf import api_pb2

    with pytest.raises(TypeError, match="no form here"):
        messages.converters(message_class(api_pb2.Api.DESCRIPTOR).DESCRIPTOR)


def test_the_largest_float_comes_back(book: type[Message]) -> None:
    message = messages.from_json(book, {"weight": 3.4028234663852886e38})
    assert messages.from_json(book, messages.to_json(message)) == message
