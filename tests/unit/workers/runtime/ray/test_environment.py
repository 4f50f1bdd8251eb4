"""Environment variables of Ray."""

import os

import pytest

from workers.runtime.ray.environment import ClusterAddress, prepare_environment

LOCAL = ClusterAddress("", "imgup")
REMOTE = ClusterAddress("10.0.0.1:6379", "imgup")


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})


@pytest.mark.parametrize("where", [LOCAL, REMOTE], ids=["local", "cluster"])
def test_ray_reports_nothing_to_its_makers(where: ClusterAddress) -> None:
    prepare_environment(where)
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0"


def test_a_ray_of_our_own_listens_on_loopback_and_wants_a_new_token() -> None:
    prepare_environment(LOCAL)
    first = os.environ["RAY_AUTH_TOKEN"]
    assert os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert len(first) == 64
    os.environ.clear()
    prepare_environment(LOCAL)
    assert os.environ["RAY_AUTH_TOKEN"] != first


def test_a_cluster_s_own_settings_are_left_to_it() -> None:
    prepare_environment(REMOTE)
    assert not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"} & set(
        os.environ
    )


def test_what_is_set_already_stays() -> None:
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="mine")
    prepare_environment(LOCAL)
    assert os.environ["RAY_AUTH_TOKEN"] == "mine"
