"""A funded organisation, the scripted model at $1 and $2 a million tokens, and a clean end."""

from collections.abc import AsyncIterator, Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils.text import slugify

from accounts import keys, scopes
from accounts.models import Organisation
from api import database, rate_limits
from billing import ledger, topping_up
from billing.models import Hold, Price
from billing.pricing import Price as Rate
from billing.pricing import charge
from inference import catalog, runs
from inference.engines import registry
from inference.models import ServedModel
from tests.inference.asgi import Tenant

RATE = Rate(input=1_000_000, cached_input=500_000, output=2_000_000)
LIMITS = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}
Fund = Callable[..., Tenant]


@pytest.fixture
async def money(transactional_db: None) -> AsyncIterator[None]:
    """Real commits; at the end every Run has settled and every connection is closed."""
    yield
    await runs.drain()
    await ledger.drain()
    await registry.close()
    await database.close()
    await sync_to_async(connections.close_all)()


@pytest.fixture
def fund(transactional_db: None) -> Fund:
    """`fund("Bees", nano=10**9, requests_per_minute=5)` makes an organisation with that much."""
    ServedModel.objects.create(
        id="scripted",
        engine="scripted:",
        context_window=8192,
        state="installed",
        capabilities=["chat", "completions"],
    )
    Price.objects.create(
        model="scripted",
        input=RATE.input,
        cached_input=RATE.cached_input,
        output=RATE.output,
    )
    rate_limits.forget_all()

    def make(name: str = "Ada's bakery", nano: int = 10**9, **limits: int) -> Tenant:
        organisation = Organisation.objects.create(name=name, slug=slugify(name))
        _, api_key = keys.issue(organisation.id, scopes=sorted(scopes.ALL), **{**LIMITS, **limits})
        if nano:
            topping_up.top_up(organisation, nano, ref="start")
        return Tenant(organisation.id, api_key)

    return make


@pytest.fixture
async def ada(money: None, fund: Fund) -> Tenant:
    tenant: Tenant = await sync_to_async(fund)()
    catalog.forget()
    return tenant


def cost(prompt: int, completion: int, cached: int = 0) -> int:
    """Nano-dollars for these tokens of the scripted model."""
    return charge(RATE, prompt, cached, completion)


async def holds() -> list[Hold]:
    await runs.drain()
    return [hold async for hold in Hold.objects.order_by("created_at")]


async def only_hold() -> Hold:
    (hold,) = await holds()
    return hold


async def balance(tenant: Tenant) -> tuple[int, int]:
    """Available and held, in nano-dollars."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT available, held FROM billing_account"
            " WHERE organisation_id = %s AND kind = 'customer'",
            [tenant.organisation_id],
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]
