"""The deployment files are valid, least-privileged, and say what the code understands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from libs.chassis.settings import ProcessSettings
from tests.contract.manifests import (
    KUSTOMIZATIONS,
    PROCESSES,
    ROOT,
    STORES,
    Told,
    compose,
    containers,
    dockerfile,
    kinds,
    kustomize,
    settings_of,
    told_by_compose,
    told_by_kubernetes,
)

DOCKERFILE_WORDS = {"FROM", "ARG", "ENV", "WORKDIR", "RUN", "COPY", "USER", "ENTRYPOINT"}
PINNED = re.compile(r"^[a-z0-9./-]+:(?!latest$)[\w.-]*\d[\w.-]*$")


@pytest.fixture(scope="module", params=KUSTOMIZATIONS)
def rendered(request: pytest.FixtureRequest) -> str:
    return kustomize(str(request.param))


def of_process(told: list[Told], process: str) -> list[Told]:
    return [one for one in told if one.process == process]


# --- Kubernetes ------------------------------------------------------------------------------------------------------


def test_the_manifests_are_valid_by_the_schemas_of_kubernetes(rendered: str, tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered)
    program = Path(sys.executable).with_name("kubernetes-validate")
    result = subprocess.run([program, "-k", "1.37", "--strict", file], capture_output=True, text=True, check=False, timeout=100)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_pod_meets_the_restricted_standard(rendered: str) -> None:
    workloads = kinds(rendered, "Deployment") + kinds(rendered, "StatefulSet")

    assert workloads
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    for namespace in kinds(rendered, "Namespace"):
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_our_containers_have_a_read_only_root_probes_and_a_memory_limit(rendered: str) -> None:
    for where, container in containers(rendered):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, where
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(), where
        assert "memory" in container["resources"]["limits"], where
        assert {"mountPath": "/tmp", "name": "tmp"} in container["volumeMounts"], where


def test_images_are_pinned(rendered: str) -> None:
    stateful = [c for one in kinds(rendered, "StatefulSet") for c in one["spec"]["template"]["spec"]["containers"]]

    for image in [container["image"] for _, container in containers(rendered)] + [container["image"] for container in stateful]:
        assert PINNED.match(image), image


def test_every_process_runs_in_every_role(rendered: str) -> None:
    roles = {where for where, _ in containers(rendered)}
    services = [name for name in PROCESSES if name != "gateway"]

    expected = {f"{name}-api/api" for name in services} | {
        f"{name}-worker/{role}" for name in services for role in ("worker", "relay")
    }
    assert roles == expected | {"gateway/gateway"}


def test_probes_and_services_name_ports_that_the_process_is_told_to_open(rendered: str) -> None:
    for (where, container), told in zip(containers(rendered), told_by_kubernetes(rendered), strict=True):
        opened = {
            int(told.environment[name] or 0) for name in ("GRPC_PORT", "OPS_PORT", "HTTP_PORT") if name in told.environment
        }
        assert {port["containerPort"] for port in container["ports"]} == opened, where
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe].get("httpGet") or container[probe]["grpc"]
            named = {port["name"]: port["containerPort"] for port in container["ports"]}
            assert named.get(asked["port"], asked["port"]) in opened, where


def test_the_gateway_is_told_the_services_own_addresses(rendered: str) -> None:
    (gateway,) = of_process(told_by_kubernetes(rendered), "gateway")
    ports = {one["metadata"]["name"]: one["spec"]["ports"][0]["port"] for one in kinds(rendered, "Service")}

    for name in PROCESSES:
        if name != "gateway":
            assert gateway.environment[f"{name.upper()}_ADDRESS"] == f"{name}:{ports[name]}"


def test_a_pod_outlives_its_own_drain(rendered: str) -> None:
    from libs.chassis.process import GRACE

    for deployment in kinds(rendered, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        before = max(container["lifecycle"]["preStop"]["sleep"]["seconds"] for container in pod["containers"])
        assert pod["terminationGracePeriodSeconds"] > before + GRACE


# --- settings --------------------------------------------------------------------------------------------------------


def undeclared(told: Told) -> set[str]:
    return told.environment.keys() - {name.upper() for name in settings_of(told.process).model_fields}


def missing(told: Told) -> set[str]:
    """What the code has no default for that would do outside a developer's machine."""
    settings = settings_of(told.process)
    required = settings.model_construct().required_in_production() | {"environment", "log_level"}
    if told.process == "gateway":
        required |= {"http_host", "http_port"}
    else:
        required |= {"listen_host", "ops_port"}
    return {name.upper() for name in required} - told.environment.keys()


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("source", [*KUSTOMIZATIONS, "compose"])
def test_a_process_is_told_what_it_declares_and_all_that_it_needs(process: str, source: str) -> None:
    all_told = told_by_compose() if source == "compose" else told_by_kubernetes(kustomize(source))
    shared = {name.upper() for name in ProcessSettings.model_fields} | {"KAFKA_BOOTSTRAP_SERVERS"}  # of the config map
    found = of_process(all_told, process)

    assert found
    for told in found:
        assert undeclared(told) - (shared if source != "compose" else set()) == set(), told.where
        assert missing(told) == set(), told.where


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("source", [*KUSTOMIZATIONS, "compose"])
def test_the_code_accepts_what_a_process_is_told(process: str, source: str) -> None:
    all_told = told_by_compose() if source == "compose" else told_by_kubernetes(kustomize(source))
    elsewhere = {
        "MONGO_URL": "mongodb://user:secret@mongo-0.mongo:27017,mongo-1.mongo:27017/?replicaSet=rs",
        "INSTANCE": f"{process}-0",
    }

    for told in of_process(all_told, process):
        known = {name: elsewhere[name] if value is None else value for name, value in told.environment.items()}
        settings_of(process).model_validate({name.lower(): value for name, value in known.items()})


def test_a_variable_that_nothing_declares_is_noticed() -> None:
    assert undeclared(Told("somewhere", "campaigns", {"GRPC_PROT": "9102"})) == {"GRPC_PROT"}
    assert "MONGO_URL" in missing(Told("somewhere", "campaigns", {}))


# --- Docker ----------------------------------------------------------------------------------------------------------


def test_compose_runs_every_process_and_the_official_stores() -> None:
    services = compose()["services"]

    assert services.keys() == {*PROCESSES, *STORES, "token"}
    for name in PROCESSES:
        assert services[name]["build"]["args"]["SERVICE"] == name
    for name in STORES:
        assert PINNED.match(services[name]["image"])
    for name in (*PROCESSES, *STORES):
        assert "healthcheck" in services[name], name
        assert all(other in services for other in services[name].get("depends_on", {})), name


def test_compose_gives_no_container_of_ours_more_than_it_needs() -> None:
    for name in PROCESSES:
        service = compose()["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_dockerfile_is_well_formed() -> None:
    instructions = dockerfile()

    assert {instruction.word for instruction in instructions} <= DOCKERFILE_WORDS
    assert instructions[0].word == "FROM"
    json.loads(next(one.rest for one in instructions if one.word == "ENTRYPOINT"))
    for copied in (one.rest for one in instructions if one.word == "COPY" and "--from" not in one.rest):
        for source in copied.split()[:-1]:
            assert (ROOT / source).exists(), source


def test_the_image_is_pinned_locked_and_not_root() -> None:
    instructions = dockerfile()
    last_stage = instructions[max(n for n, one in enumerate(instructions) if one.word == "FROM") :]

    assert all(PINNED.match(one.rest.split()[0]) for one in instructions if one.word == "FROM")
    assert [one.rest for one in last_stage if one.word == "USER"] == ["10001:10001"]
    (install,) = [one.rest for one in instructions if "pip install" in one.rest]
    assert install.endswith("--require-hashes -r requirements.lock")


def test_yaml_files_are_tidy() -> None:
    program = Path(sys.executable).with_name("yamllint")
    result = subprocess.run([program, "--strict", "deploy", "protos"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout
