"""How it is shown how fast a brand pays: what a track record is of a creator."""

from __future__ import annotations

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import BrandId
from libs.events.decider import not_found
from libs.events.ports import Document
from services.discovery.domain.badges import median


class GetPayingRecord(Request):
    brand_id: BrandId


async def get_paying_record(request: GetPayingRecord, reads: Reads) -> Document:
    """For everyone who may be paid by it, or is to be compared with it. Of a brand that has paid nobody yet it is empty."""
    record = await reads.views.one("paying_records", request.brand_id)
    if record is None:
        raise not_found("brand")
    days = [days for _, days, _ in record["paid"]]
    return {
        "brand_id": request.brand_id,
        "payments": record["payments"],
        "median_days_to_pay": median(days) if days else None,
        "evidence": [{"paid_at": at, "days": took} for at, took, _ in record["paid"]],
    }
