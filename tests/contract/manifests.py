"""What the deployment files say, read for the tests that compare it with the code."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
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
OURS = "limelight/"
"""What the names of our images begin with."""


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


def workloads(rendered: str) -> list[dict[str, Any]]:
    """All that runs pods, ours and the stores."""
    return kinds(rendered, "Deployment") + kinds(rendered, "StatefulSet")


def pod_containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workload["spec"]["template"]["spec"]["containers"]
    return found


def ours(rendered: str) -> list[dict[str, Any]]:
    """The workloads whose images are made from this repository."""
    return [one for one in workloads(rendered) if all(c["image"].startswith(OURS) for c in pod_containers(one))]


def containers(rendered: str) -> list[tuple[str, dict[str, Any]]]:
    """(workload/container, container) of all that is ours."""
    return [
        (f"{workload['metadata']['name']}/{container['name']}", container)
        for workload in ours(rendered)
        for container in pod_containers(workload)
    ]


def told_by_kubernetes(rendered: str) -> list[Told]:
    shared = {document["metadata"]["name"]: document["data"] for document in kinds(rendered, "ConfigMap")}
    told = []
    for where, container in containers(rendered):
        environment: dict[str, str | None] = {}
        for source in container.get("envFrom", []):
            environment |= shared[source["configMapRef"]["name"]]
        environment |= {one["name"]: one.get("value") for one in container["env"]}
        told.append(Told(where, container["image"].removeprefix(OURS).partition(":")[0], environment))
    return told


def compose() -> dict[str, Any]:
    """As it stands where nothing is set: `${NAME:-default}` is the default."""
    text = (ROOT / "deploy" / "docker" / "compose.yaml").read_text()
    body: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"'\1'", text))
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


def admitted_to_the_build() -> list[str]:
    """What .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def locked() -> set[str]:
    """The distributions that the image installs."""
    return set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))


def not_in_the_image(folder: str, *, later: bool) -> Iterator[str]:
    """`file: module` of imports that no locked distribution brings; with `later` also imports inside of functions."""
    brings = packages_distributions()
    for path in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text())
        for module in _imported(ast.walk(tree) if later else tree.body):
            known = module in sys.stdlib_module_names or (ROOT / module).is_dir()
            if not known and not {_normal(name) for name in brings.get(module, [])} & locked():
                yield f"{path.relative_to(ROOT)}: {module}"


def _imported(nodes: Any) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
