"""What of an entry is counted in facets."""

from __future__ import annotations

from libs.events.ports import Document


def facet_values(entry: Document, facet: str) -> list[str]:
    match facet:
        case "platforms":
            return sorted({account["platform"] for account in entry["accounts"]})
        case "country":
            return [entry["country"]]
        case "badges":
            return sorted(entry["badges"])
        case _:
            return sorted(set(entry[facet]))
