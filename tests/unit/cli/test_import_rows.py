"""Rows of a file: what they say, and what is wrong with them, by line."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cli.directory import creators
from cli.imports.columns import known
from cli.imports.identity import creator_id_of
from cli.imports.lines import LONGEST, Lines, Unreadable
from cli.imports.place import Memory, Place
from cli.imports.rows import Row, rows
from cli.imports.sending import MOST_BYTES, MOST_ROWS, batches
from cli.imports.shape import imported_creator

AT = datetime(2026, 11, 1, tzinfo=UTC)
ANA = {"creatorId": "crt_ana0000000", "handle": "ana", "name": "Ana"}


def read(text: str | bytes, name: str = "creators.jsonl", offset: int = 0, passed: int = 0) -> list[Row]:
    raw = text.encode() if isinstance(text, str) else text
    return list(rows(Path(name), io.BytesIO(raw), offset, passed))


def faults(found: list[Row]) -> list[tuple[int, str, str | None]]:
    return [(row.line, row.fault.code, row.fault.field) for row in found if row.fault]


def said(found: list[Row]) -> list[Any]:
    return [row.creator for row in found if row.creator]


# --- JSON Lines ------------------------------------------------------------------------------------------------------


def test_a_line_is_a_creator_and_what_is_wrong_with_one_is_told_by_its_line() -> None:
    lines = [
        orjson.dumps(ANA),
        b'{"handle": ',
        b"",
        b"[1]",
        b'{"creatorId": "crt_bea0000000", "shoeSize": 38}',
        b'{"creatorId": "crt_bea0000000", "performance": {"views": "many"}}',
        b'{"name": "\xff"}',
        b'{"name": "' + b"x" * LONGEST + b'"}',
        orjson.dumps(ANA),
    ]
    found = read(b"\n".join(lines))
    assert said(found) == [ANA, ANA]
    assert faults(found) == [
        (2, "MALFORMED_JSON", None),
        (4, "WRONG_TYPE", None),
        (5, "UNKNOWN_FIELD", "shoeSize"),
        (6, "WRONG_TYPE", "performance.views"),
        (7, "NOT_UTF8", None),
        (8, "LINE_TOO_LONG", None),
    ]
    assert [row.line for row in found] == list(range(1, 10))
    assert found[-1].end == len(b"\n".join(lines))


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert said(read(b"\xef\xbb\xbf" + orjson.dumps(ANA))) == [ANA]


def test_who_has_no_id_is_told_by_its_first_account_however_it_is_written() -> None:
    def row(handle: str) -> str:
        return orjson.dumps({"handle": "x", "accounts": [{"platform": "tiktok", "handle": handle}]}).decode()

    one, other, another = said(read("\n".join([row("Ana.Makes"), row("ana.makes"), row("bea")])))
    assert one["creatorId"] == other["creatorId"] == creator_id_of("tiktok", "ana.makes")
    assert another["creatorId"] != one["creatorId"]
    assert one["creatorId"] == "crt_01kdvdna00r7g1jpy28p1zhy41"
    assert faults(read('{"handle": "x"}')) == [(1, "CREATOR_UNKNOWN", "creatorId")]


# --- CSV -------------------------------------------------------------------------------------------------------------

HEADER = "creatorId,handle,languages,accounts.0.platform,accounts.0.verified,audience.ages.65+,performance.views\n"


def test_columns_are_paths_and_an_empty_cell_says_nothing() -> None:
    found = read(HEADER + 'crt_ana0000000,ana,de; en,tiktok,TRUE,0.25,12\n"crt_bea0000000",bea,,,,,\n', "creators.CSV")
    assert said(found) == [
        {
            "creatorId": "crt_ana0000000",
            "handle": "ana",
            "languages": ["de", "en"],
            "accounts": [{"platform": "tiktok", "verified": True}],
            "audience": {"ages": {"65+": "0.25"}},
            "performance": {"views": "12"},
        },
        {"creatorId": "crt_bea0000000", "handle": "bea"},
    ]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("handle,shoeSize,performance", "no column shoeSize, performance; there are: creatorId, handle"),
        ("handle,accounts.platform", "no column accounts.platform"),
        ("handle,accounts.50.platform", "no column accounts.50.platform"),
        ("handle,audience.ages", "no column audience.ages"),
        ("handle,", r"no column \(empty\)"),
        ("handle,name,handle", "given twice: handle"),
        ("", "names its columns"),
        ('"handle', "not CSV"),
    ],
)
def test_a_column_that_there_is_not_is_named_before_anything_is_read(header: str, named: str) -> None:
    with pytest.raises(Unreadable, match=named):
        read(header, "creators.csv")


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"creators.xlsx is neither .csv nor .jsonl"):
        read("", "creators.xlsx")


def test_a_malformed_line_costs_no_other() -> None:
    lines = [
        'crt_ana0000000,"ana,,,,,',  # a quote that is never closed
        "crt_bea0000000,bea,,,,,",
        "crt_caro000000,caro,,,,,,,",
        'crt_dil0000000,"di"lan,,,,,',
        'crt_emre000000,"em\nre",,,,,',
        "crt_fay0000000,fay,,tok,,,",
        "crt_gus0000000,gus,,,yes,1e-1,",
        "crt_hana000000,hana,,,,,",
    ]
    found = read(HEADER + "\n".join(lines) + "\n", "creators.csv")
    assert [one["handle"] for one in said(found)] == ["bea", "em\nre", "hana"]
    assert faults(found) == [
        (2, "MALFORMED_CSV", None),
        (4, "CELLS_DO_NOT_FIT", None),
        (5, "MALFORMED_CSV", None),
        (8, "UNKNOWN_VALUE", "accounts[0].platform"),
        (9, "WRONG_TYPE", "accounts[0].verified"),
    ]
    assert [(row.line, row.last) for row in found if row.creator] == [(3, 3), (6, 7), (10, 10)]


def test_a_directory_is_the_same_from_csv_and_from_json_lines() -> None:
    made = list(creators(60, 3, AT))
    flat = [dict(_flat(one)) for one in made]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for one in flat for name in one)))
    writer.writeheader()
    writer.writerows(flat)
    from_csv = [_typed(one) for one in said(read(text.getvalue(), "creators.csv"))]
    assert from_csv == said(read("\n".join(orjson.dumps(one).decode() for one in made))) == made


def test_all_columns_can_be_listed() -> None:
    names = list(known(imported_creator()))
    assert {"handle", "rateCard.0.amount.currency", "audience.countries.<key>", "absence.endsAt", "languages"} <= set(names)


# --- Going on where it was -------------------------------------------------------------------------------------------


@for_all(st.lists(st.sampled_from(["a,b,,,,,", '"a\nb",c,,,,,', "", '"', "a,b", "é,x,,,,,"]), max_size=12), st.data())
def test_wherever_one_goes_on_the_rest_is_the_same(lines: list[str], data: st.DataObject) -> None:
    text = HEADER + "\n".join(lines)
    whole = read(text, "creators.csv")
    if whole:
        index = data.draw(st.integers(0, len(whole) - 1))
        rest = read(text, "creators.csv", whole[index].end, whole[index].last)
        assert [_comparable(row) for row in rest] == [_comparable(row) for row in whole[index + 1 :]]


def test_a_place_is_remembered_for_one_file_and_one_marketplace(tmp_path: Path) -> None:
    file = tmp_path / "creators.jsonl"
    file.write_text("{}\n")
    memory, place = Memory(tmp_path, "http://one", file), Place(3, 1, 0, 1, 70)
    assert memory.recall() == Place()
    memory.keep(place)
    assert Memory(tmp_path, "http://one", file).recall() == place
    assert Memory(tmp_path, "http://other", file).recall() == Place()
    file.write_text("{}\n{}\n")
    assert Memory(tmp_path, "http://one", file).recall() == Place(), "a file that has changed begins anew"
    memory.forget()
    assert memory.recall() == Place()


def test_a_batch_is_bounded_by_rows_and_by_bytes_and_its_key_is_its_content() -> None:
    def made(count: int, bio: str) -> list[Row]:
        return [Row(n, n, n, creator={"creatorId": f"crt_{n}", "bio": bio}) for n in range(count)]

    sizes = [len(batch.rows) for batch in batches(made(2 * MOST_ROWS + 7, ""))]
    assert sizes == [MOST_ROWS, MOST_ROWS, 7]
    assert all(batch.size < MOST_BYTES + 300_000 for batch in batches(made(20, "x" * 250_000)))
    one, other = ([batch.key for batch in batches(made(MOST_ROWS + 1, bio))] for bio in ("", "more"))
    assert one == [batch.key for batch in batches(made(MOST_ROWS + 1, ""))]
    assert not set(one) & set(other)
    assert len(set(one)) == 2


def test_a_long_line_is_passed_over_in_pieces() -> None:
    lines = list(Lines(io.BytesIO(b"x" * (3 * LONGEST) + b"\nend")))
    assert [(line.number, line.end, line.text) for line in lines] == [
        (1, 3 * LONGEST + 1, ""),
        (2, 3 * LONGEST + 4, "end"),
    ]


def _comparable(row: Row) -> tuple[object, ...]:
    return row.line, row.last, row.end, row.creator, row.fault and row.fault.code


def _flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for name, inner in value.items() for pair in _flat(inner, f"{path}.{name}" if path else name)]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [pair for index, inner in enumerate(value) for pair in _flat(inner, f"{path}.{index}")]
    if isinstance(value, list):
        return [(path, ";".join(value))]
    return [(path, str(value).lower() if isinstance(value, bool) else str(value))]


def _typed(value: Any) -> Any:
    """Numbers that are still text, as numbers."""
    if isinstance(value, dict):
        return {name: _typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    try:
        return orjson.loads(value) if isinstance(value, str) and value[:1] in "-0123456789" else value
    except orjson.JSONDecodeError:
        return value
