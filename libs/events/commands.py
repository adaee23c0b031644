"""Which decider a command belongs to, and which class a command's name stands for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from libs.events.decider import Command, Decider

AnyDecider = Decider[Any, Any, Any]


class CommandTable:
    """Made from a service's deciders; a stored command is its class's name and its fields, nothing that executes."""

    def __init__(self, deciders: Iterable[AnyDecider]) -> None:
        self._deciders: dict[type[Command], AnyDecider] = {}
        self._classes: dict[str, type[Command]] = {}
        for decider in deciders:
            for cls in decider.command_types():
                if cls.__name__ in self._classes:
                    raise ValueError(f"two commands are called {cls.__name__}")
                self._deciders[cls], self._classes[cls.__name__] = decider, cls

    def decider(self, command: Command) -> AnyDecider:
        """Raises `LookupError` if the service has no decider for it."""
        return self._deciders[type(command)]

    def store(self, command: Command) -> dict[str, Any]:
        return {"command": type(command).__name__, "fields": command.model_dump(mode="json", exclude={"actor", "at"})}

    def restore(self, name: str, fields: dict[str, Any]) -> Command:
        """Raises `LookupError`, `pydantic.ValidationError`."""
        return self._classes[name].model_validate(fields)
