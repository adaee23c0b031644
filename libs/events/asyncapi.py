"""The AsyncAPI document of the published language: a channel per service's topic, a message per event version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libs.events.envelope import topic
from libs.events.partitions import PARTITIONS

JSON_SCHEMA = "application/schema+json;version=draft-2020-12"

HEADERS = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {"type": "string", "format": "uuid", "description": "Unique per event: drop what you have seen."},
    "ce_type": {"type": "string", "description": "Type and version, `limelight.<service>.<Fact>.v<version>`."},
    "ce_source": {"type": "string", "description": "`/limelight/<service>`, the owner of the fact."},
    "ce_subject": {"type": "string", "description": "The stream: the id of the aggregate. Also the Kafka key."},
    "ce_time": {"type": "string", "format": "date-time", "description": "When it was committed."},
    "ce_dataschema": {"type": "string", "description": "`$id` of the JSON Schema of the value."},
    "ce_partitionkey": {"type": "string", "description": "The same as `ce_subject`."},
    "ce_streamversion": {"type": "string", "pattern": "^[0-9]+$", "description": "Counts the stream's events from 1, no gaps."},
    "ce_position": {"type": "string", "pattern": "^[0-9]+$", "description": "The commit's place in the service's total order."},
    "ce_follows": {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "`ce_position` of the message before it in its partition, 0 of the first. Higher than any that you have "
        "seen there: the broker lost what is between; leave the message, all of it comes again in order.",
    },
    "ce_followsversion": {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "`ce_streamversion` of that message: what is missing may be an event of its commit. 0: not known.",
    },
    "ce_actor": {"type": "string", "description": "`<role>:<party or subject>` who caused it."},
    "ce_correlationid": {"type": "string", "description": "The same in all that follows from one request."},
    "ce_causationid": {"type": "string", "description": "The event that it is a reaction to."},
    "ce_traceparent": {"type": "string", "description": "W3C trace context, also as `traceparent`."},
    "traceparent": {"type": "string"},
    "content-type": {"type": "string", "const": "application/json"},
}
OPTIONAL = {"ce_follows", "ce_followsversion", "ce_causationid", "ce_traceparent", "traceparent"}


def message_name(type_: str, version: int) -> str:
    return f"{type_.rpartition('.')[2]}.v{version}"


def asyncapi(versions: Mapping[tuple[str, int], Mapping[str, Any]]) -> dict[str, Any]:
    """`versions`: (type, version) -> its JSON Schema, which stands at `<type>/v<version>.json` beside the document."""
    services = sorted({type_.split(".")[1] for type_, _ in versions})
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Limelight events",
            "version": "1.0.0",
            "description": "Every fact of the marketplace as a CloudEvent 1.0 in binary mode, at least once, in order per key. "
            "Within a version fields are only added; types that you do not know are to be skipped.",
        },
        "defaultContentType": "application/json",
        "channels": {service: _channel(service, versions) for service in services},
        "operations": {
            f"publish_{service}": {"action": "send", "channel": {"$ref": f"#/channels/{service}"}} for service in services
        },
        "components": {
            "messages": {message_name(*key): _message(*key, schema) for key, schema in sorted(versions.items())},
            "messageTraits": {
                "cloudEvent": {
                    "headers": {
                        "type": "object",
                        "properties": HEADERS,
                        "required": [name for name in HEADERS if name not in OPTIONAL],
                    },
                    "bindings": {
                        "kafka": {
                            "key": {"type": "string", "description": "The stream: the id of the aggregate."},
                            "bindingVersion": "0.5.0",
                        }
                    },
                }
            },
        },
    }


def _channel(service: str, versions: Mapping[tuple[str, int], Any]) -> dict[str, Any]:
    names = [message_name(*key) for key in sorted(versions) if key[0].split(".")[1] == service]
    return {
        "address": topic(service),
        "description": f"Everything that happens in {service}, keyed by stream.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {"topic": topic(service), "partitions": PARTITIONS, "bindingVersion": "0.5.0"}},
    }


def _message(type_: str, version: int, schema: Mapping[str, Any]) -> dict[str, Any]:
    told = {"name": f"{type_}.v{version}", "title": schema["title"]}
    if "description" in schema:
        told["summary"] = schema["description"]
    payload = {"schemaFormat": JSON_SCHEMA, "schema": {"$ref": f"./{type_}/v{version}.json"}}
    return {**told, "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}], "payload": payload}
