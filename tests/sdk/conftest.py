"""An organisation with a chatbot, for the SDK to talk to."""

from collections.abc import Iterator

import pytest

import smarter
from tests.running import Server, Tenant

ALIASES = ("llama3:8b-instruct-q8_0", "beezy-small-latest", "gpt-4", "gpt-4o", "gpt-4o-mini")


@pytest.fixture(scope="module")
def reader(server: Server) -> Iterator[Tenant]:
    """It has `my-chatbot`; the references' models are names of the built-in one meanwhile."""
    for alias in ALIASES:
        server.manage("models", "alias", alias, "smarter-mini")
    tenant = server.tenant("Readers", credit="5.00", requests_per_minute=1000)
    with smarter.Smarter(api_key=tenant.api_key, base_url=f"{tenant.url}/v1") as client:
        configuration = {"model": "smarter-mini", "temperature": 0}
        client.resources.chatbots.create(
            name="my-chatbot", title="Mine", configuration=configuration
        )
        client.resources.chatbots.versions("my-chatbot").publish()
    yield tenant
    for alias in ALIASES:
        server.manage("models", "alias", "--remove", alias)


@pytest.fixture
def at_the_server(reader: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """The environment that the SDK reads."""
    monkeypatch.setenv("SMARTER_API_KEY", reader.api_key)
    monkeypatch.setenv("SMARTER_BASE_URL", f"{reader.url}/v1")
    return reader
