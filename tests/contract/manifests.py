"""What the deployment files say, read for the tests that compare it with the code."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.chassis.settings import ProcessSettings

ROOT = Path(__file__).resolve().parents[2]
KUSTOMIZATIONS = ("base", "overlays/dev")
PROCESSES = ("discovery", "campaigns", "messaging", "payments", "analytics", "gateway")
STORES = ("kafka", "mongo")
"""Images that are not ours."""


@dataclass(frozen=True)
class Told:
    """A container of ours and the variables that it is given."""

    where: str
    process: str
    environment: dict[str, str | None]
    """None: it comes from a secret or from the pod."""


@cache
def kustomize(name: str) -> str:
    """The rendered manifests. Skips where kubectl is not there."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: nothing renders the manifests")
    argv = ["kubectl", "kustomize", str(ROOT / "deploy" / "k8s" / name)]
    result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


def kinds(rendered: str, kind: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(rendered) if document["kind"] == kind]


def containers(rendered: str) -> list[tuple[str, dict[str, Any]]]:
    """(deployment/container, container) of all that is ours."""
    return [
        (f"{deployment['metadata']['name']}/{container['name']}", container)
        for deployment in kinds(rendered, "Deployment")
        for container in deployment["spec"]["template"]["spec"]["containers"]
    ]


def told_by_kubernetes(rendered: str) -> list[Told]:
    shared = {document["metadata"]["name"]: document["data"] for document in kinds(rendered, "ConfigMap")}
    told = []
    for where, container in containers(rendered):
        environment: dict[str, str | None] = {}
        for source in container.get("envFrom", []):
            environment |= shared[source["configMapRef"]["name"]]
        environment |= {one["name"]: one.get("value") for one in container["env"]}
        told.append(Told(where, container["image"].partition("/")[2].partition(":")[0], environment))
    return told


def compose() -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "docker" / "compose.yaml").read_text())
    return body


def told_by_compose() -> list[Told]:
    return [
        Told(name, name, {key: str(value) for key, value in service["environment"].items()})
        for name, service in compose()["services"].items()
        if name in PROCESSES
    ]


def settings_of(process: str) -> type[ProcessSettings]:
    settings: type[ProcessSettings] = importlib.import_module(f"services.{process}.settings").Settings
    return settings


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str


def dockerfile() -> list[Instruction]:
    """Instructions with continued lines joined and comments left out."""
    text = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    instructions = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        instructions.append(Instruction(word, " ".join(rest.split())))
    return instructions
