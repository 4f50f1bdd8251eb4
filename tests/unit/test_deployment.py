"""What the files for containers promise: limits, no token, and nothing published by default."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
COMPOSE_FILES = ("compose.yaml", "compose.cluster.yaml")
KUBERAY = list(yaml.safe_load_all((ROOT / "deploy" / "kuberay.yaml").read_text()))


def services(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / file).read_text())["services"]
    return found


def of_kind(kind: str) -> Iterator[dict[str, Any]]:
    return (document for document in KUBERAY if document["kind"] == kind)


def pods() -> dict[str, dict[str, Any]]:
    """The specification of each pod, by its part."""
    (cluster,), (web,) = of_kind("RayCluster"), of_kind("Deployment")
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"], web["spec"]]
    templates = [group["template"] for group in groups]
    return {template["metadata"]["labels"]["part"]: template["spec"] for template in templates}


@pytest.mark.parametrize("file", COMPOSE_FILES)
def test_compose_publishes_for_this_machine_only(file: str) -> None:
    ports = [port for service in services(file).values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert '      # - "${PORT:-8000}:8000"\n' in (ROOT / file).read_text()


@pytest.mark.parametrize("file", COMPOSE_FILES)
def test_compose_limits_each_container(file: str) -> None:
    for service in services(file).values():
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}
        assert service["memswap_limit"] == service["mem_limit"]
        assert service["pids_limit"]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("part", ["head", "worker", "web"])
def test_pods_have_limits_and_no_token(part: str) -> None:
    pod = pods()[part]
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        _, _, tag = container["image"].rpartition("/")[2].partition(":")
        assert tag not in {"", "latest"}
        assert set(container["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}


def test_pods_reach_each_other_names_and_workers_the_web() -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in of_kind("NetworkPolicy")}
    everybody, worker = policies["imgup"], policies["imgup-worker"]
    assert "Egress" in everybody["policyTypes"]
    assert everybody["podSelector"]["matchLabels"].items() <= {"app": "imgup"}.items()
    assert not any("ipBlock" in peer for rule in everybody["egress"] for peer in rule["to"])
    (rule,) = worker["egress"]
    assert [port["port"] for port in rule["ports"]] == [80, 443]
    assert "169.254.0.0/16" in rule["to"][0]["ipBlock"]["except"]
    assert all(
        "Egress" not in spec["policyTypes"]
        for name, spec in policies.items()
        if name not in {"imgup", "imgup-worker"}
    )


def test_the_lines_for_a_journal_have_a_volume_that_the_service_may_write() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for line in ("JOURNAL_PATH:", "volumes:", "  journal:"):
        assert text.count(f"# {line}")
        text = text.replace(f"# {line}", line)
    parsed = yaml.safe_load(text)
    service = parsed["services"]["imgup"]
    volume, folder = service["volumes"][0].split(":")

    assert volume in parsed["volumes"]
    assert service["environment"]["JOURNAL_PATH"] == f"{folder}/journal"
    owned = f"install --directory --owner=imgup --group=imgup {folder}\n"
    assert owned in (ROOT / "Dockerfile").read_text()


def test_the_base_image_is_pinned() -> None:
    (base,) = (
        line.split()[1]
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("FROM ")
    )
    assert base.partition(":")[2].count(".") == 2  # a patch release
