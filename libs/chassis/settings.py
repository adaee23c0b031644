"""What a process is told from outside: the environment, and nothing else."""

from __future__ import annotations

from typing import Literal, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_ISSUER = "urn:limelight:development"
"""`iss` of the development issuer's tokens: refused in production."""

WEAKER = {
    "w": lambda value: value != "majority",
    "journal": lambda value: value.lower() != "true",
    "readpreference": lambda value: value.lower() != "primary",
    "readconcernlevel": lambda value: value.lower() != "majority",
    "retrywrites": lambda value: value.lower() == "false",
}
"""Options of a MongoDB address that would weaken what the commit log relies on."""

S = TypeVar("S", bound=BaseSettings)


class SettingsError(Exception):
    """Settings that a process must not start with; the text is for whoever set them and holds no values."""


class ProcessSettings(BaseSettings):
    """What every process is told. Each field is read from the environment variable of its name in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, use_attribute_docstrings=True)

    environment: Literal["development", "production"] = "development"
    """`production` refuses the development issuer and whatever address was not set on purpose."""

    oidc_issuer: str = Field(DEVELOPMENT_ISSUER, min_length=1)
    """`iss` that tokens must carry."""

    oidc_audience: str = Field("limelight", min_length=1)
    """`aud` that tokens must carry."""

    oidc_jwks: str = Field(".limelight/issuer/jwks.json", min_length=1)
    """Where the issuer's public keys are: an https URL (fetched, cached, rotated) or a file."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe line that is logged."""

    otel_exporter_otlp_endpoint: str | None = None
    """Where traces and metrics are sent by OTLP over gRPC, e.g. `http://collector:4317`. Unset: nothing is sent."""

    instance: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,200}$")
    """Name of this replica that outlives a restart (the pod's): its partitions then wait for it. Empty: it has none."""

    listen_host: str = "127.0.0.1"
    """Address that the ports are opened on; a container says `0.0.0.0`."""

    @property
    def production(self) -> bool:
        return self.environment == "production"

    def required_in_production(self) -> frozenset[str]:
        """Fields whose default serves development only."""
        return frozenset({"oidc_issuer", "oidc_jwks"})

    @model_validator(mode="after")
    def _fit_for_production(self) -> Self:
        if not self.production:
            return self
        defaults = sorted(name.upper() for name in self.required_in_production() - self.model_fields_set)
        if defaults:
            raise ValueError(f"production needs {', '.join(defaults)}: the defaults are for development")
        if self.oidc_issuer == DEVELOPMENT_ISSUER:
            raise ValueError("OIDC_ISSUER is the development issuer: anyone who reads its directory can sign as anyone")
        return self

    @model_validator(mode="after")
    def _keys_by_https(self) -> Self:
        if "://" in self.oidc_jwks and not self.oidc_jwks.startswith("https://"):
            raise ValueError("OIDC_JWKS must be an https URL or the path of a file: keys fetched in the clear can be replaced")
        return self


class ServiceSettings(ProcessSettings):
    """What a service is told on top: where its events and documents go, and where it listens."""

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")
    """`host:port` of one or more brokers, separated by commas."""

    kafka_replication: int = Field(1, ge=1, le=9)
    """Copies of each topic that is created here; 3 in production."""

    mongo_url: str = Field("mongodb://127.0.0.1:27017", pattern=r"^mongodb(\+srv)?://\S+$", repr=False)
    """Address of the database; it may hold a password, so it is never printed."""

    grpc_port: int = Field(9100, ge=1, le=65535)
    """Where rpcs are answered."""

    ops_port: int = Field(0, ge=0, le=65535)
    """Where `/healthz`, `/readyz` and `/metrics` are; 0: `grpc_port` + 100."""

    @classmethod
    def service(cls) -> str:
        """The service that these are the settings of: `services.<name>.settings` says it."""
        package, _, rest = cls.__module__.partition(".")
        if package != "services" or not rest:
            raise SettingsError(f"{cls.__qualname__} belongs into services/<name>/settings.py")
        return rest.partition(".")[0]

    @property
    def operations_port(self) -> int:
        return self.ops_port or self.grpc_port + 100

    def required_in_production(self) -> frozenset[str]:
        return super().required_in_production() | {"kafka_bootstrap_servers", "mongo_url"}

    @model_validator(mode="after")
    def _writes_are_durable(self) -> Self:
        """The kernel pins majority writes and reads itself; an address that says otherwise shows a misunderstanding."""
        for name, value in parse_qsl(urlsplit(self.mongo_url).query):
            weaker = WEAKER.get(name.lower())
            if weaker and weaker(value):
                raise ValueError(f"MONGO_URL sets {name} to less than the commit log relies on; leave it out")
        return self


def load(settings: type[S]) -> S:
    """The settings of the environment. Raises `SettingsError`, which names the variables and says what is wrong with each."""
    try:
        return settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_line(e["loc"], e["msg"]) for e in error.errors(include_input=False))) from None


def _line(location: tuple[int | str, ...], message: str) -> str:
    variable = "".join(f"{step}: " for step in location[:1]).upper()
    return variable + message.removeprefix("Value error, ")
