"""What the analytics service is told."""

from __future__ import annotations

from pydantic import Field

from libs.chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Nothing but where it listens."""

    grpc_port: int = Field(9105, ge=1, le=65535)
    """Where rpcs are answered."""
