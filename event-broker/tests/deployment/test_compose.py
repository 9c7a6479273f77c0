"""docker-compose.yaml against the settings: what it passes on exists, and nothing is left open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings.config import ExecutorConfig
from app.settings.environment import Environment

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yaml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}

#: The gateway's own login, and what compose reads for itself or fixes inside a container.
NOT_FOR_THE_SERVICE = {
    "IB_USERNAME",
    "IB_PASSWORD",
    "VNC_PASSWORD",
    "POSTGRES_PASSWORD",
    "COMPOSE_PROFILES",
    "IB_GATEWAY_IMAGE",
    "API_HOST",
    "API_PORT",
}


def known_names() -> set[str]:
    return {name.upper() for name in Environment.model_fields}


def used_with(profile: str) -> set[str]:
    return {name for name, service in SERVICES.items() if profile in service["profiles"]}


def test_the_service_gets_every_setting_but_the_credentials_of_others() -> None:
    given = set(SERVICES["event-broker"]["environment"])
    assert given == known_names() - NOT_FOR_THE_SERVICE
    assert set(SERVICES["worker"]["environment"]) == given


@pytest.mark.parametrize("name", ["event-broker", "worker", "demo"])
def test_every_service_is_asked_for_its_health_as_the_image_does(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] == SERVICES["event-broker"]["image"]
    assert not service.keys() & {"healthcheck", "entrypoint"}
    assert not service["environment"].keys() & {"API_HOST", "API_PORT"}


def test_workers_publish_no_port_because_there_may_be_many() -> None:
    assert "ports" not in SERVICES["worker"]


def test_the_demo_sets_only_what_the_settings_know() -> None:
    assert set(SERVICES["demo"]["environment"]) <= known_names()


def test_every_variable_of_the_file_is_one_that_env_may_hold() -> None:
    assert set(re.findall(r"\$\{([A-Z_]+)", TEXT)) <= known_names()


def test_no_variable_is_required_because_the_demo_has_none() -> None:
    assert not re.findall(r"\$\{[A-Z_]+:?\?", TEXT)


def test_the_demo_starts_alone() -> None:
    assert used_with("demo") == {"demo", "ably-standin"}
    assert all(
        "demo" not in s["profiles"]
        for n, s in SERVICES.items()
        if n not in ("demo", "ably-standin")
    )
    assert all(service["profiles"] for service in SERVICES.values())


def test_dependencies_of_the_demo_are_in_its_profile() -> None:
    assert set(SERVICES["demo"]["depends_on"]) <= used_with("demo")


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_the_database_is_not_published() -> None:
    assert "ports" not in SERVICES["postgres"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_read_only_and_without_privileges(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"]


@pytest.mark.parametrize("name", ["event-broker", "worker"])
def test_configuration_is_mounted_read_only_and_data_is_kept(name: str) -> None:
    mounts = [mount.split(":") for mount in SERVICES[name]["volumes"]]
    writable = [mount[0] for mount in mounts if mount[-1] != "ro"]
    assert writable == ["data"]
    assert "data" in FILE["volumes"]
    assert all((ROOT / mount[0]).is_file() for mount in mounts if mount[-1] == "ro")


@pytest.mark.parametrize("name", ["ib-gateway", "postgres"])
def test_images_of_others_are_pinned(name: str) -> None:
    image = re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", SERVICES[name]["image"])
    assert re.search(r":\d[\w.]*(-\w+)?$", image), image


def test_there_is_no_default_password() -> None:
    defaults = re.findall(r"\$\{\w*(?:PASSWORD|KEY|USERNAME)\w*:?-([^}]*)\}", TEXT)
    assert defaults
    assert set(defaults) == {""}


def test_containers_have_longer_to_end_than_runs_have() -> None:
    grace = SERVICES["event-broker"]["stop_grace_period"]
    default = ExecutorConfig().shutdown_grace_seconds
    assert int(grace.removesuffix("s")) >= default + 45
