"""Organisations with money, a priced model, and a clean end for the asynchronous pool."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django import Settings

from accounts.models import APIKey, Organisation
from accounts.registration import create_organisation
from api import database, ids
from billing import ledger, topping_up
from billing.accounts import customer_account
from billing.models import Account, Price
from billing.pricing import NANO
from billing.pricing import Price as Rate
from tests.billing.scripted_stripe import SECRET, ScriptedStripe

MODEL = "tiny"
RATE = Rate(input=1_000_000, cached_input=250_000, output=2_000_000)  # $1, $0.25, $2 a million
Result = TypeVar("Result")


@dataclass(frozen=True)
class Tenant:
    organisation: Organisation
    key: APIKey
    secret: str

    def request(self, **changes: Any) -> ledger.HoldRequest:
        """A call of 100 + 50 tokens at most: 200,000 n$."""
        fields = {
            "id": ids.new("gen"),
            "organisation_id": self.organisation.id,
            "key_id": self.key.id,
            "model": MODEL,
            "prompt_tokens": 100,
            "max_output": 50,
            **changes,
        }
        return ledger.HoldRequest(**fields)

    @property
    def account(self) -> Account:
        return customer_account(self.organisation.id)

    def money(self) -> tuple[int, int]:
        """Available and held."""
        account = self.account
        return account.available, account.held

    async def amoney(self) -> tuple[int, int]:
        return await sync_to_async(self.money)()


ONE_CALL = 200_000


def new_tenant(name: str, nano: int) -> Tenant:
    made = create_organisation(name)
    if nano:
        topping_up.top_up(made.organisation, nano, "start")
    key = APIKey.objects.get(organisation=made.organisation)
    return Tenant(made.organisation, key, made.api_key)


def set_price(model: str = MODEL, rate: Rate = RATE) -> Price:
    return Price.objects.create(
        model=model, input=rate.input, cached_input=rate.cached_input, output=rate.output
    )


@pytest.fixture
def stripe(settings: Settings) -> Iterator[ScriptedStripe]:
    scripted = ScriptedStripe().start()
    settings.STRIPE_SECRET_KEY = "sk_test_1"
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    settings.STRIPE_API_URL = scripted.url
    yield scripted
    scripted.stop()


@pytest.fixture
def price(db: None) -> Price:
    return set_price()


@pytest.fixture
def bakery(price: Price) -> Tenant:
    """A dollar on its account."""
    return new_tenant("Bakery", NANO)


@pytest.fixture
def mill(price: Price) -> Tenant:
    """Another organisation, a dollar too."""
    return new_tenant("Mill", NANO)


@pytest.fixture
async def pool(transactional_db: None) -> AsyncIterator[None]:
    """Real commits, seen by both roads to the database."""
    yield
    await ledger.drain()
    await database.close()
    await sync_to_async(connections.close_all)()


def in_threads(
    work: Callable[[int], Awaitable[Result]], count: int, threads: int = 4
) -> Sequence[Result | BaseException]:
    """Await `work(0)` … `work(count - 1)` at once, in event loops of several threads."""

    async def share(numbers: Sequence[int]) -> list[Result | BaseException]:
        try:
            return await asyncio.gather(*map(work, numbers), return_exceptions=True)
        finally:
            await ledger.drain()
            await database.close()

    with ThreadPoolExecutor(threads) as pool:
        shares = [range(n, count, threads) for n in range(threads)]
        return [one for found in pool.map(lambda s: asyncio.run(share(s)), shares) for one in found]
