"""What the gateway is told from outside."""

from __future__ import annotations

from pydantic import Field

from libs.chassis.settings import ProcessSettings

ADDRESS = r"^[^\s/]+:\d+$"


class Settings(ProcessSettings):
    """Each field is read from the environment variable of its name in upper case."""

    http_host: str = "127.0.0.1"
    """Address that HTTP is answered on; a container says `0.0.0.0`."""

    http_port: int = Field(8080, ge=0, le=65535)
    """Port that HTTP is answered on."""

    discovery_address: str = Field("127.0.0.1:9101", pattern=ADDRESS)
    """`host:port` of discovery's gRPC."""

    campaigns_address: str = Field("127.0.0.1:9102", pattern=ADDRESS)
    """`host:port` of campaigns' gRPC."""

    messaging_address: str = Field("127.0.0.1:9103", pattern=ADDRESS)
    """`host:port` of messaging's gRPC."""

    payments_address: str = Field("127.0.0.1:9104", pattern=ADDRESS)
    """`host:port` of payments' gRPC."""

    analytics_address: str = Field("127.0.0.1:9105", pattern=ADDRESS)
    """`host:port` of analytics' gRPC."""

    cors_origins: tuple[str, ...] = ()
    """Origins of browsers' pages that may call, e.g. `["https://app.example"]`. None: pages of other origins may not."""

    largest_body: int = Field(1_048_576, ge=1024, le=4_194_304)
    """Bytes of a request's body; beyond: 413."""

    largest_webhook: int = Field(65_536, ge=1024, le=1_048_576)
    """Bytes of a webhook's body, which anyone may send; beyond: 413."""

    most_webhooks: int = Field(32, ge=1)
    """Webhooks that are worked on at once, beside the requests: they take no place from those who have a token."""

    largest_headers: int = Field(16_384, ge=1024)
    """Bytes of a request's headers, names and values; beyond: 431."""

    longest_url: int = Field(8_192, ge=256)
    """Bytes of path and query; beyond: 414."""

    deadline: float = Field(10.0, gt=0, le=300)
    """Seconds from a request's headers to its answer; beyond: 504. Streams have none."""

    most_in_hand: int = Field(512, ge=1)
    """Requests that are worked on at once; a further one: 503 with Retry-After. Each service has fewer places, 64 at
    first: more as it answers in time, fewer as it is late (places.py)."""

    most_streams: int = Field(1_000, ge=1)
    """Event streams that are open at once; a further one: 503 with Retry-After."""

    heartbeat: float = Field(15.0, gt=0)
    """Seconds without an event after which a stream sends a comment, so that nothing between takes it for dead."""

    longest_stream: float = Field(900.0, gt=0)
    """Seconds after which a stream ends; the client comes back with `Last-Event-ID` (and perhaps a fresh token)."""

    def addresses(self) -> dict[str, str]:
        """Service → `host:port`."""
        return {
            "discovery": self.discovery_address,
            "campaigns": self.campaigns_address,
            "messaging": self.messaging_address,
            "payments": self.payments_address,
            "analytics": self.analytics_address,
        }

    def required_in_production(self) -> frozenset[str]:
        return super().required_in_production() | {f"{service}_address" for service in self.addresses()}
