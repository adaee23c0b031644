"""Traces and metrics: OTLP when an endpoint is set, Prometheus always, W3C `traceparent` between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from libs.chassis.settings import ProcessSettings

FLUSH = 3000
"""Milliseconds that a shutdown waits for what is not sent yet."""

_w3c = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One process's providers."""

    tracers: TracerProvider
    meters: MeterProvider
    registry: CollectorRegistry

    def install(self) -> None:
        """Makes them the process's own: what `trace.get_tracer` and `metrics.get_meter` give everywhere."""
        trace.set_tracer_provider(self.tracers)
        metrics.set_meter_provider(self.meters)

    def exposition(self) -> tuple[bytes, str]:
        """The body of `/metrics` and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def shutdown(self) -> None:
        """Sends what is not sent yet, bounded in time."""
        self.tracers.force_flush(FLUSH)
        self.tracers.shutdown()
        self.meters.shutdown(FLUSH)


def telemetry(settings: ProcessSettings, service: str) -> Telemetry:
    """Without an endpoint no span is recorded, yet every request has a trace id for its logs and its events."""
    resource = Resource.create(
        {
            "service.name": f"limelight-{service}",
            **({"service.instance.id": settings.instance} if settings.instance else {}),
            "deployment.environment.name": settings.environment,
        }
    )
    registry = CollectorRegistry()
    readers: list[MetricReader] = [PrometheusMetricReader(registry=registry)]
    endpoint = settings.otel_exporter_otlp_endpoint
    sampler = ParentBased(ALWAYS_ON if endpoint else ALWAYS_OFF)
    tracers = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
    if endpoint:
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint)))
    return Telemetry(tracers, MeterProvider(readers, resource, shutdown_on_exit=False), registry)


def context_of(carrier: Mapping[str, str]) -> Context:
    """The caller's trace, from metadata or headers with lower-case names."""
    return _w3c.extract(dict(carrier), context=Context())


def traceparent() -> str | None:
    """The current span as W3C `traceparent`; None outside any."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get("traceparent")
