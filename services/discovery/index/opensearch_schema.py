"""How an entry is indexed by OpenSearch.

Words are terms as they are: nothing analyzes them again. Prices and shares go by names that nobody can count beforehand, and a
field for each would sooner or later be one too many for a mapping. So each is a term: its name, then the number with zeros in
front. What lies between two numbers of a name lies between two terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from libs.events.ports import Document
from services.discovery.index.fields import COUNTS, SHARES, fields_of
from services.discovery.index.places import KEYS
from services.discovery.ports import FACETS

DIGITS = 19
"""Of the largest number."""
JOINED: Document = {"term": {"joined": "yes"}}


def index_body() -> Document:
    """Shards and replicas are the cluster's own: an index template sets them. Whoever writes also refreshes."""
    return {"settings": {"index": {"refresh_interval": "-1"}}, "mappings": _mappings()}


def _mappings() -> Document:
    term = {"type": "keyword"}
    silent = {"index": False, "doc_values": False}
    properties = {
        "entry": {"type": "keyword", **silent},
        "position": {"type": "long", **silent},
        "written_at": {"type": "long", **silent},
        **dict.fromkeys((*FACETS, "named"), term),
        **dict.fromkeys(("joined", "state", "method", "sponsored", "said", "prices", "shares"), term | {"doc_values": False}),
        **{name: {"type": "long"} for name in (*COUNTS, *KEYS.values())},
        **{name: {"type": "double"} for name in SHARES},
    }
    return {"dynamic": "strict", "properties": properties}


def indexed(entry: Document | None) -> Document:
    """The document of an entry. Of who is not listed only the entry itself, of who is gone nothing but that it was."""
    if entry is None:
        return {}
    fields = fields_of(entry)
    fields |= {name: list(_numbered(fields[name])) for name in ("prices", "shares") if name in fields}
    return {"entry": orjson.dumps(entry).decode(), **fields}


def entry_of(source: Document) -> Document:
    entry: Document = orjson.loads(source["entry"])
    return entry


def _numbered(numbers: Mapping[str, int | Sequence[int]]) -> Iterator[str]:
    for name, given in numbers.items():
        yield from (number_term(name, one) for one in ([given] if isinstance(given, int) else given))


def number_term(name: str, number: int) -> str:
    return f"{name} {number:0{DIGITS}}"
