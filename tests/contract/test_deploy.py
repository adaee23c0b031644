"""The deployment files are valid, least-privileged, and say what the code understands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from libs.chassis.auth import Verifier, keys_at
from libs.chassis.system import SystemClock
from tests.contract.manifests import (
    KUSTOMIZATIONS,
    PROCESSES,
    ROOT,
    STORES,
    Told,
    admitted_to_the_build,
    compose,
    containers,
    dockerfile,
    kinds,
    kustomize,
    not_in_the_image,
    ours,
    pod_containers,
    settings_of,
    told_by_compose,
    told_by_kubernetes,
    workloads,
)

DOCKERFILE_WORDS = {"FROM", "ARG", "ENV", "WORKDIR", "RUN", "COPY", "USER", "ENTRYPOINT"}
RELAYING = {"relay", "all"}
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
    assert workloads(rendered)
    for workload in workloads(rendered):
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
    for image in [container["image"] for workload in workloads(rendered) for container in pod_containers(workload)]:
        assert PINNED.match(image), image


def test_every_process_runs_in_every_role(rendered: str) -> None:
    roles = {where for where, _ in containers(rendered)}
    services = [name for name in PROCESSES if name != "gateway"]

    expected = {f"{name}-api/api" for name in services} | {
        f"{name}-worker/{role}" for name in services for role in ("worker", "relay")
    }
    assert roles == expected | {"gateway/gateway"}


def test_a_role_is_what_its_container_is_named_after(rendered: str) -> None:
    for where, container in containers(rendered):
        assert where == "gateway/gateway" or container["args"] == [container["name"]], where


def test_workers_are_stateful_sets_whose_pods_come_and_go_without_waiting_for_each_other(rendered: str) -> None:
    services = {one["metadata"]["name"]: one["spec"] for one in kinds(rendered, "Service")}

    for workload in ours(rendered):
        name, spec = workload["metadata"]["name"], workload["spec"]
        assert workload["kind"] == ("StatefulSet" if name.endswith("-worker") else "Deployment"), name
        if workload["kind"] == "StatefulSet":
            assert services[spec["serviceName"]]["clusterIP"] == "None", name
            assert services[spec["serviceName"]]["selector"].items() <= spec["template"]["metadata"]["labels"].items(), name
            assert spec["podManagementPolicy"] == "Parallel", name
            assert spec["updateStrategy"] == {"type": "RollingUpdate"}, name


def test_only_a_pod_whose_name_outlives_a_restart_is_told_its_name(rendered: str) -> None:
    for workload in ours(rendered):
        for container in pod_containers(workload):
            told = [one["valueFrom"]["fieldRef"]["fieldPath"] for one in container["env"] if one["name"] == "INSTANCE"]
            assert told == (["metadata.name"] if workload["kind"] == "StatefulSet" else []), workload["metadata"]["name"]


def test_no_two_relays_of_a_service_and_no_two_workers_go_by_one_name(rendered: str) -> None:
    """The name of a pod is the name of all its containers; the lease of a relay and a member of a group are held by name."""
    for workload in ours(rendered):
        roles = [role for container in pod_containers(workload) for role in container.get("args", [])]
        for clashing in (RELAYING, {"worker", "all"}):
            assert sum(role in clashing for role in roles) <= 1, workload["metadata"]["name"]


def test_life_is_asked_of_the_process_alone_and_readiness_of_what_it_needs(rendered: str) -> None:
    for where, container in containers(rendered):
        alive = "/livez" if where == "gateway/gateway" else "/healthz"
        assert container["startupProbe"]["httpGet"]["path"] == alive, where
        assert container["livenessProbe"]["httpGet"]["path"] == alive, where
        if where.endswith("-api/api"):
            assert container["readinessProbe"]["grpc"].keys() == {"port"}, where
        else:
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz", where


def test_containers_of_one_pod_share_no_port(rendered: str) -> None:
    for workload in ours(rendered):
        ports = [port["containerPort"] for container in pod_containers(workload) for port in container["ports"]]
        assert len(ports) == len(set(ports)), workload["metadata"]["name"]


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

    for workload in ours(rendered):
        waits = [container.get("lifecycle", {}).get("preStop") for container in pod_containers(workload)]
        before = max(wait["sleep"]["seconds"] if wait else 0 for wait in waits)
        assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > before + GRACE


def test_what_is_called_stays_reachable_until_its_callers_know(rendered: str) -> None:
    for deployment in kinds(rendered, "Deployment"):
        for container in pod_containers(deployment):
            assert container["lifecycle"]["preStop"]["sleep"]["seconds"] > 0


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
        required |= {"listen_host", "ops_port", "kafka_replication"}
    return {name.upper() for name in required} - told.environment.keys()


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("source", [*KUSTOMIZATIONS, "compose"])
def test_a_process_is_told_what_it_declares_and_all_that_it_needs(process: str, source: str) -> None:
    all_told = told_by_compose() if source == "compose" else told_by_kubernetes(kustomize(source))
    found = of_process(all_told, process)

    assert found
    for told in found:
        assert undeclared(told) == set(), told.where
        assert missing(told) == set(), told.where


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("source", [*KUSTOMIZATIONS, "compose"])
def test_the_code_accepts_what_a_process_is_told(process: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    all_told = told_by_compose() if source == "compose" else told_by_kubernetes(kustomize(source))
    elsewhere = {
        "MONGO_URL": "mongodb://user:secret@mongo-0.mongo:27017,mongo-1.mongo:27017/?replicaSet=rs",
        "INSTANCE": f"{process}-0",
        "PAYMENT_WEBHOOK_SECRETS": f'["whsec_{"c2VjcmV0" * 4}"]',
    }

    for told in of_process(all_told, process):
        with monkeypatch.context() as environment:
            for name, value in told.environment.items():
                environment.setenv(name, elsewhere[name] if value is None else value)
            settings_of(process)()


def test_the_base_is_for_production_and_only_its_overlay_for_development() -> None:
    for name, environment in zip(KUSTOMIZATIONS, ("production", "development"), strict=True):
        assert {told.environment["ENVIRONMENT"] for told in told_by_kubernetes(kustomize(name))} == {environment}


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


def test_a_container_that_goes_by_a_name_is_the_only_one() -> None:
    """Compose starts no second one of a fixed name, so `--scale` cannot make two relays of one owner."""
    for name, service in compose()["services"].items():
        assert ("INSTANCE" in service.get("environment", {})) == ("container_name" in service), name


def test_compose_asks_each_process_for_its_health_with_what_its_image_has() -> None:
    for told in told_by_compose():
        command = compose()["services"][told.process]["healthcheck"]["test"]
        port = told.environment["HTTP_PORT" if told.process == "gateway" else "OPS_PORT"]
        path = "healthz" if told.process == "gateway" else "readyz"
        assert command[:3] == ["CMD", "python", "-c"]
        compile(command[3], told.process, "exec")
        assert f"'http://127.0.0.1:{port}/{path}'" in command[3]


async def test_the_token_container_signs_what_every_process_accepts(tmp_path: Path) -> None:
    container = compose()["services"]["token"]
    (mounted,) = {volume.split(":")[1] for volume in container["volumes"]}
    assert container["environment"] == {"LIMELIGHT_DATA_DIR": mounted}
    argv = [sys.executable, *container["entrypoint"][1:], *container["command"]]
    told = {**os.environ, "LIMELIGHT_DATA_DIR": str(tmp_path)}
    printed = subprocess.run(argv, cwd=ROOT, env=told, capture_output=True, text=True, check=True, timeout=60).stdout

    for process in told_by_compose():
        environment = {name: value or "" for name, value in process.environment.items()}
        keys = Path(environment["OIDC_JWKS"]).relative_to(mounted)
        clock = SystemClock()
        verifier = Verifier(
            environment["OIDC_ISSUER"], environment["OIDC_AUDIENCE"], keys_at(str(tmp_path / keys), clock), clock
        )
        assert (await verifier.verify(printed.strip())).role == "operator"


def test_the_image_has_all_that_its_code_imports() -> None:
    missing = [*not_in_the_image("libs", later=True), *not_in_the_image("services", later=True)]
    missing += [*not_in_the_image("cli", later=False), *not_in_the_image("deploy", later=False)]

    assert missing == []


def test_the_dockerfile_is_well_formed() -> None:
    instructions = dockerfile()

    assert {instruction.word for instruction in instructions} <= DOCKERFILE_WORDS
    assert instructions[0].word == "FROM"
    json.loads(next(one.rest for one in instructions if one.word == "ENTRYPOINT"))
    for copied in (one.rest for one in instructions if one.word == "COPY" and "--from" not in one.rest):
        for source in copied.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source.rstrip("/") in admitted_to_the_build(), source


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
