"""`client.resources`: what an organisation has on the platform, beside OpenAI's own endpoints."""

from functools import cached_property

from smarter.resources.accounts import APIKeys, AsyncAPIKeys, AsyncOrganisations, Organisations
from smarter.resources.async_chatbots import AsyncChatbots
from smarter.resources.chatbots import Chatbots
from smarter.resources.money import AsyncMoney, Money


class Resources(Money):
    """Chatbots, keys, the organisation, and (as methods) its money."""

    @cached_property
    def chatbots(self) -> Chatbots:
        return Chatbots(self._client)

    @cached_property
    def api_keys(self) -> APIKeys:
        return APIKeys(self._client)

    @cached_property
    def organisation(self) -> Organisations:
        return Organisations(self._client)


class AsyncResources(AsyncMoney):
    """As `Resources`, to be awaited."""

    @cached_property
    def chatbots(self) -> AsyncChatbots:
        return AsyncChatbots(self._client)

    @cached_property
    def api_keys(self) -> AsyncAPIKeys:
        return AsyncAPIKeys(self._client)

    @cached_property
    def organisation(self) -> AsyncOrganisations:
        return AsyncOrganisations(self._client)
