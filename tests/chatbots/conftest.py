"""A published chatbot on the scripted model, its visitors, and a clean end."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import Organisation
from api import ids
from chatbots import finding, limits, making, versions
from chatbots.author import Author
from chatbots.conversing import Speaker
from chatbots.finding import Live
from chatbots.models import Chatbot
from inference import catalog, event_log, runs
from inference.responses import recording
from tests.inference.asgi import Tenant
from tests.inference.conftest import Fund, fund
from tests.inference.conftest import money as settled

__all__ = ["fund", "settled"]
ADA = Author("ada")
PLAIN: dict[str, Any] = {"model": "scripted", "system_prompt": "Be kind."}


@pytest.fixture
async def money(settled: None) -> AsyncIterator[None]:
    """Everything that was recorded is written before the connections are closed."""
    limits.forget_all()
    finding.forget_all()
    yield
    await runs.drain()
    await recording.drain()
    await event_log.close()


@pytest.fixture
async def bakery(money: None, fund: Fund) -> Tenant:
    tenant: Tenant = await sync_to_async(fund)()
    catalog.forget()
    return tenant


def published(organisation_id: str, name: str = "support", **configuration: Any) -> Chatbot:
    chatbot = making.create(organisation_id, ADA, name, configuration={**PLAIN, **configuration})
    versions.publish(chatbot, ADA)
    return making.find(organisation_id, name)


Publish = Callable[..., Any]


@pytest.fixture
async def publish(bakery: Tenant) -> Publish:
    """`await publish(budget={…})` → the Live of a chatbot of the bakery."""

    async def make(name: str = "support", **configuration: Any) -> Live:
        await sync_to_async(published)(bakery.organisation_id, name, **configuration)
        return await finding.by_name(bakery.organisation_id, name)

    return make


@pytest.fixture
async def support(publish: Publish) -> Live:
    live: Live = await publish()
    return live


def visitor(live: Live, **more: Any) -> Speaker:
    return Speaker(
        live.organisation_id, live.key_id, visitor_id=ids.new("vis"), address="192.0.2.1", **more
    )


def organisation(live: Live) -> Organisation:
    return Organisation.objects.get(pk=live.organisation_id)
