"""How far an import has come, for the next one of the same file to go on there.

To repeat an import is safe without it: batches have the same keys, and what is known changes nothing. It is only slow: the
place spares a million rows their way through the gateway. It lies in the data directory and not beside the file, so that
whoever wipes the marketplace wipes what was remembered of it too; once the file is through, it is forgotten.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True)
class Place:
    """Everything up to `offset` bytes, which are so many lines, has been answered. `reported`: bytes of the report by then."""

    offset: int = 0
    lines: int = 0
    accepted: int = 0
    refused: int = 0
    reported: int = 0


class Memory:
    """Of one file on its way to one marketplace."""

    def __init__(self, data: Path, url: str, file: Path) -> None:
        name = hashlib.sha256(f"{url}\n{file.resolve()}".encode()).hexdigest()[:24]
        self._path, stat = data / "imports" / f"{name}.json", file.stat()
        self.size, self._version = stat.st_size, [stat.st_size, stat.st_mtime_ns]

    def recall(self) -> Place:
        """The beginning for a file that was not seen, or has changed since."""
        try:
            told = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return Place()
        return Place(**told["place"]) if told["file"] == self._version else Place()

    def keep(self, place: Place) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        draft.write_bytes(orjson.dumps({"file": self._version, "place": asdict(place)}))
        draft.replace(self._path)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)
