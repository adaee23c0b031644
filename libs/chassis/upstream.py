"""What answers rpcs: a `Service` in this process, or a `GrpcUpstream` that reaches one over the network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.message import Message

AUTHORIZATION, IDEMPOTENCY_KEY, IF_MATCH, TRACEPARENT = "authorization", "idempotency-key", "if-match", "traceparent"
ETAG, POSITION = "etag", "limelight-position"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `metadata`: `etag` (the resource's version) and `limelight-position` (a token for `min_position`)."""

    message: Message
    metadata: dict[str, str] = field(default_factory=dict)


class Upstream(Protocol):
    """`method` is `/limelight.campaigns.v1.CampaignsService/LaunchCampaign`; metadata names are lower case; both raise
    `Refusal`."""

    async def call(self, method: str, request: Message, metadata: Mapping[str, str]) -> Reply: ...

    def stream(self, method: str, request: Message, metadata: Mapping[str, str]) -> AsyncIterator[Message]: ...
