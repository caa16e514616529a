"""The clients of others, in environments that `make clients` installs. Collected by name only."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.running import ROOT, Server, Tenant

INSTALLED = ROOT / ".clients"
PROGRAMS = Path(__file__).parent / "programs"
CLIENTS = {  # name → environment, program
    "openai-3": ("openai3", "openai_python.py"),
    "openai-2": ("openai2", "openai_python.py"),
    "litellm": ("openai2", "litellm_client.py"),
    "llm": ("openai3", "llm_client.py"),
    "instructor": ("openai2", "instructor_client.py"),
    "pydantic-ai": ("openai3", "pydantic_ai_client.py"),
    "openai-node": ("node", "openai_node.mjs"),
}
Told = Mapping[str, dict[str, Any]]  # scenario → its result


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Only when asked for by name."""
    return None if any("tests/clients" in argument for argument in config.args) else True


@pytest.fixture(scope="session")
def tenant(server: Server) -> Tenant:
    """An organisation on a server that also has the scripted model."""
    server.manage(
        *("models", "add", "scripted", "--engine", "scripted:"),
        *("--input-price", "1", "--output-price", "2", "--context", "8192"),
    )
    limits = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}
    return server.tenant("Clients", credit="5.00", **limits)


@pytest.fixture(scope="session")
def tell(tenant: Tenant) -> Iterator[Callable[[str], Told]]:
    """What a client's program told. They all run at once, each once."""
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        running = {client: pool.submit(run, *how, tenant) for client, how in CLIENTS.items()}
        yield lambda client: json.loads(running[client].result())


def run(environment: str, program: str, tenant: Tenant) -> str:
    place = INSTALLED / environment
    command = place / ("node" if environment == "node" else "bin/python")
    # Node looks for packages beside the program.
    target = place / program if environment == "node" else PROGRAMS / program
    if environment == "node":
        target.write_text((PROGRAMS / program).read_text())
    done = subprocess.run(
        [command, target],
        env={
            **os.environ,
            "OPENAI_BASE_URL": f"{tenant.url}/v1",
            "OPENAI_API_KEY": tenant.api_key,
            "LITELLM_LOCAL_MODEL_COST_MAP": "true",  # or it asks the internet for prices
        },
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]
