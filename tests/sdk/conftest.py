"""An organisation with a chatbot, for the SDK to talk to."""

from collections.abc import Iterator

import pytest

import smarter
from tests.running import Server, Tenant

JOBS = 23  # more than the references' page of 20
ALIASES = ("llama3:8b-instruct-q8_0", "beezy-small-latest", "gpt-4", "gpt-4o", "gpt-4o-mini")
BEFORE = f"""
from accounts.models import APIKey
from inference import installing
from inference.fine_tuning.models import FineTuningJob
for name in {ALIASES}:
    installing.give_alias(name, "smarter-mini")
key = APIKey.objects.filter(organisation_id="ORGANISATION")[0]
for _ in range({JOBS}):
    FineTuningJob.objects.create(
        organisation_id=key.organisation_id, key=key, model="smarter-mini", seed=1,
        hyperparameters=dict(), training_file_id="file-1", status="cancelled",
    )
"""
AFTER = f"""
from inference import installing
for name in {ALIASES}:
    installing.remove_alias(name)
"""


@pytest.fixture(scope="package")
def reader(server: Server) -> Iterator[Tenant]:
    """It has `my-chatbot` and jobs of the past; the references' models are names of the built-in
    one meanwhile. One process makes it all: each takes seconds to start."""
    tenant = server.tenant("Readers", credit="5.00", requests_per_minute=1000)
    server.manage("shell", "-c", BEFORE.replace("ORGANISATION", tenant.organisation))
    with smarter.Smarter(api_key=tenant.api_key, base_url=f"{tenant.url}/v1") as client:
        configuration = {"model": "smarter-mini", "temperature": 0}
        client.resources.chatbots.create(
            name="my-chatbot", title="Mine", configuration=configuration
        )
        client.resources.chatbots.versions("my-chatbot").publish()
    yield tenant
    server.manage("shell", "-c", AFTER)


@pytest.fixture
def at_the_server(reader: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """The environment that the SDK reads."""
    monkeypatch.setenv("SMARTER_API_KEY", reader.api_key)
    monkeypatch.setenv("SMARTER_BASE_URL", f"{reader.url}/v1")
    return reader
