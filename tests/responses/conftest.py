"""The funded organisation and the scripted model of the tests of inference, and a clean end."""

from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.utils.text import slugify

from accounts import keys, scopes
from accounts.models import Organisation
from billing import topping_up
from inference import catalog, event_log, runs
from inference.responses import recording
from tests.inference.asgi import Tenant
from tests.inference.conftest import LIMITS, Fund, fund
from tests.inference.conftest import money as settled

__all__ = ["fund", "settled"]


@pytest.fixture
async def money(settled: None) -> AsyncIterator[None]:
    """Everything that was recorded is written before the connections are closed."""
    yield
    await runs.drain()
    await recording.drain()
    await event_log.close()


@pytest.fixture
async def bakery(money: None, fund: Fund) -> Tenant:
    tenant: Tenant = await sync_to_async(fund)()
    catalog.forget()
    return tenant


@pytest.fixture
async def mill(bakery: Tenant) -> Tenant:
    """Of another organisation, with money and a key of her own."""
    return await sync_to_async(_another)("Mallory's mill")


def _another(name: str) -> Tenant:
    organisation = Organisation.objects.create(name=name, slug=slugify(name))
    _, api_key = keys.issue(organisation.id, scopes=sorted(scopes.ALL), **LIMITS)
    topping_up.top_up(organisation, 10**9, ref="start")
    return Tenant(organisation.id, api_key)
