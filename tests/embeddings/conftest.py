"""The scripted model as one that reads texts too, with a funded organisation to ask it."""

import pytest
from asgiref.sync import sync_to_async

from inference import catalog
from inference.models import ServedModel
from tests.inference.asgi import Tenant
from tests.inference.conftest import Fund, fund, money

__all__ = ["fund", "money"]


@pytest.fixture
async def ada(money: None, fund: Fund) -> Tenant:
    tenant: Tenant = await sync_to_async(fund)()
    await ServedModel.objects.filter(id="scripted").aupdate(
        capabilities=["chat", "completions", "embeddings"]
    )
    catalog.forget()
    return tenant
