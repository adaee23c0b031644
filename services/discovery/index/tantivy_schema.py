"""How an entry is indexed by tantivy."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import orjson
from tantivy import Schema, SchemaBuilder

from libs.events.ports import Document
from services.discovery.index.fields import COUNTS, SHARES, fields_of
from services.discovery.index.places import KEYS
from services.discovery.ports import FACETS

WORDS = "words"
"""The analyzer of text that is words already."""


def schema() -> Schema:
    builder = SchemaBuilder()
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("position", stored=True)
    builder.add_bytes_field("source", stored=True)
    builder.add_text_field("joined", tokenizer_name="raw", index_option="basic")
    for name in FACETS:
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("state", "method", "sponsored"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("named", "said"):
        builder.add_text_field(name, tokenizer_name=WORDS, index_option="basic")
    for name in ("prices", "shares"):
        builder.add_json_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in (*COUNTS, *sorted(set(KEYS.values()))):
        builder.add_unsigned_field(name, fast=True)
    for name in SHARES:
        builder.add_float_field(name, fast=True)
    return builder.build()


def indexed(creator: str, entry: Document) -> dict[str, Any]:
    """The document of an entry. Of who is not listed only the entry itself."""
    fields = fields_of(entry)
    for name in ("named", "said"):
        if name in fields:
            fields[name] = " ".join(fields[name])
    fields["id"], fields["source"] = creator, orjson.dumps(entry)
    return fields


def line(creator: str, entry: Document) -> str:
    """The same as JSON, in which bytes are written in base64: tantivy reads that faster than Python's objects."""
    fields = indexed(creator, entry)
    fields["source"] = b64encode(fields["source"]).decode()
    return orjson.dumps(fields).decode()
