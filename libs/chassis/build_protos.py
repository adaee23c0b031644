"""`python -m libs.chassis.build_protos`: protos/ → build/limelight.binpb, the descriptor set that all else is made from."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import google.api
import grpc_tools  # type: ignore[import-untyped]
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTOS, OUTPUT = ROOT / "protos", ROOT / "build" / "limelight.binpb"


def build(protos: Path = PROTOS, output: Path = OUTPUT) -> Path:
    """Compiles every file under `protos`, with its imports (also of ours) and comments. Raises ValueError when protoc
    refuses; it has then printed why."""
    files = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f"{output.name}.{os.getpid()}")
    status = protoc.main(["protoc", *_includes(protos), f"--descriptor_set_out={unfinished}", "--include_imports",
                          "--include_source_info", *files])  # fmt: skip
    if status != 0:
        unfinished.unlink(missing_ok=True)
        raise ValueError(f"protoc refused the files of {protos}")
    unfinished.replace(output)  # at once: another process may be reading it
    return output


def _includes(protos: Path) -> Sequence[str]:
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    googleapis = Path(next(iter(google.api.__path__))).parents[1]
    return [f"-I{path}" for path in dict.fromkeys((protos, PROTOS, well_known, googleapis))]


if __name__ == "__main__":
    try:
        build()
    except ValueError as error:
        sys.exit(str(error))
