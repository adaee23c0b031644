"""What a payment provider answers. Not knowing is an answer of its own: it is neither a success nor a failure."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from libs.events.catalog.values import Label, Text, Value


class Succeeded(Value):
    """Done. `reference` is the provider's own id of it."""

    kind: Literal["succeeded"] = "succeeded"
    provider: Label
    reference: Label


class Refused(Value):
    """Not done, and it will not be: for certain."""

    kind: Literal["refused"] = "refused"
    reason: Text


class Unknown(Value):
    """Done or not: the answer was lost or is not final yet."""

    kind: Literal["unknown"] = "unknown"


Outcome: TypeAlias = Annotated[Succeeded | Refused | Unknown, Field(discriminator="kind")]
