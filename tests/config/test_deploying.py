"""compose.yaml and .env.example name what there is: every setting, and no command but ours."""

import argparse
import ast
import re
from collections import Counter
from importlib import import_module
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class

from tests.running import ROOT
from tests.test_layout import PACKAGES

EXAMPLE = re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
READERS = {"text", "words", "flag", "number", "choice", "address"}
NOT_OF_PEOPLE = {"DJANGO_SETTINGS_MODULE", "HF_HUB_OFFLINE"}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service["image"] == "smarter"}


def read_by_the_source() -> set[str]:
    """Names of variables: what `env`'s readers and `os.environ` are asked for."""
    found = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    found |= _asked_for(node, ast.unparse(node.func))
    return found - NOT_OF_PEOPLE


def _asked_for(call: ast.Call, function: str) -> set[str]:
    owner, _, name = function.rpartition(".")
    if (owner, name) != ("os.environ", "get") and not (owner == "env" and name in READERS):
        return set()
    match call.args[0]:
        case ast.Constant(value=str() as asked) if asked.isupper():
            return {asked}
    return set()


def test_the_example_names_every_setting_once() -> None:
    assert [name for name, times in Counter(EXAMPLE).items() if times > 1] == []
    known = read_by_the_source() | {"SMARTER_ENGINE_SECRET", "POSTGRES_PASSWORD"}
    assert set(EXAMPLE) ^ known == set()


def test_who_needs_whom_is_there_and_nothing_is_said_of_volumes_that_are_not() -> None:
    for service in SERVICES.values():
        assert service.get("depends_on", {}).keys() <= SERVICES.keys()
        mounts = {mount.partition(":")[0] for mount in service.get("volumes", ())}
        assert mounts <= COMPOSE["volumes"].keys()
    assert {"postgres", "redis", "web", "worker", "engine"} <= SERVICES.keys()
    assert sum("build" in SERVICES[name] for name in OURS) == 1


def test_images_of_others_have_a_version() -> None:
    for name in SERVICES.keys() - OURS:
        assert re.fullmatch(r"[a-z/]+:[a-z]*\d+", SERVICES[name]["image"])
    assert re.search(r"^FROM python:3\.\d+-slim$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", sorted(OURS))
def test_settings_of_a_container_are_settings_of_the_site(name: str) -> None:
    given = SERVICES[name]["environment"]
    assert given.keys() <= {*EXAMPLE, *NOT_OF_PEOPLE}
    wanted = re.findall(r"\$\{(\w+)", " ".join(given.values()))
    assert set(wanted) <= set(EXAMPLE)


@pytest.mark.parametrize("name", sorted(OURS - {"worker"}))
def test_a_container_runs_a_command_that_there_is(name: str) -> None:
    python, manage, command, *options = SERVICES[name]["command"]
    assert (python, (ROOT / manage).exists()) == ("python", True)
    parser = load_command_class(get_commands()[command], command).create_parser(manage, command)
    parsed: argparse.Namespace = parser.parse_args(options)
    assert (ROOT / str(getattr(parsed, "model", ""))).exists()


def test_the_worker_is_the_one_that_the_site_starts() -> None:
    from celery.bin.celery import celery  # noqa: PLC0415 - it reads the arguments of the process

    program, app, command, *options = SERVICES["worker"]["command"]
    assert program == "celery"
    assert import_module(app.removeprefix("--app=")).app.main == "smarter"
    celery.commands[command].make_context(command, list(options), resilient_parsing=True)


def test_web_processes_share_what_they_count_and_only_the_proxy_is_reached_from_outside() -> None:
    web = SERVICES["web"]
    assert web["deploy"]["replicas"] == 2
    assert {"REDIS_URL", "DATABASE_URL", "TRUSTED_PROXIES"} <= web["environment"].keys()
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}


def test_the_proxy_leads_to_the_web_processes_and_lets_streams_and_sockets_through() -> None:
    (used,) = SERVICES["proxy"]["configs"]
    rules = COMPOSE["configs"][used["source"]]["content"].replace("$$", "$")
    port = next(word for word in SERVICES["web"]["command"] if word.startswith("--port="))
    assert f"server web:{port.removeprefix('--port=')} resolve max_fails=0;" in rules
    for rule in (
        "least_conn;",
        "proxy_buffering off;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-Proto $proto;",  # of the one that speaks TLS before it
    ):
        assert rule in rules
    longest = re.search(r"proxy_read_timeout (\d+)s", rules)
    assert longest
    assert int(longest[1]) > settings.RUN_SECONDS
    assert len(re.findall(r"[{]", rules)) == len(re.findall(r"[}]", rules))


def test_engine_and_catalog_mean_the_same_place() -> None:
    listens = next(word for word in SERVICES["engine"]["command"] if word.startswith("--listen"))
    reached = next(word for word in SERVICES["catalog"]["command"] if word.startswith("--engine"))
    assert listens.rpartition(":")[2] == reached.rpartition(":")[2]
    assert reached.split(":")[2] == "engine"
