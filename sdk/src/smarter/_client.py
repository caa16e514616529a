"""The clients: openai-python's transport, our key and address, and our resources.

Inherited: retries (connection errors, 408, 409, 429, from 500 on), timeouts, pages, uploads, typed
answers, request ids, streams. Ours: nothing of OpenAI's environment is used, and every POST carries
one Idempotency-Key over all its tries, so that a retry never charges twice.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx
from openai import AsyncOpenAI, OpenAI

from smarter import _environment
from smarter._chat import AsyncChat, Chat
from smarter.resources import AsyncResources, Resources

DEFAULT_MAX_RETRIES = 2
HEADER = "Idempotency-Key"


def _ours(client: OpenAI | AsyncOpenAI, headers: Mapping[str, str] | None) -> None:
    """Takes back what the transport read from OPENAI_* variables, and turns idempotency on."""
    client.organization = client.project = client.admin_api_key = None
    client._custom_headers = dict(headers or {})  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # no public way
    client._idempotency_header = HEADER  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # as above


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """The transport's options; each that it would look up in the environment is given."""
    return {
        **given,
        "api_key": _environment.api_key(given.get("api_key")),
        "base_url": _environment.base_url(given.get("base_url")),
        "webhook_secret": _environment.webhook_secret(given.get("webhook_secret")),
        "admin_api_key": "",
        "organization": "",
        "project": "",
    }


class Smarter(OpenAI):
    """A client of the platform; `client.resources` has what is ours.

    `api_key` and `base_url` are read from SMARTER_API_KEY and SMARTER_BASE_URL when left out.
    `timeout` is seconds or an `httpx.Timeout` (10 minutes by default), `max_retries` counts the
    tries after the first (2). `http_client` is an `httpx.Client`, such as `DefaultHttpxClient`.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx.URL | None = None,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        own = _options({**options, "api_key": api_key, "base_url": base_url})
        super().__init__(max_retries=max_retries, default_headers=default_headers, **own)
        _ours(self, default_headers)

    @cached_property
    def resources(self) -> Resources:
        return Resources(self)

    @cached_property
    def chat(self) -> Chat:  # pyright: ignore[reportIncompatibleMethodOverride] # one more name on it
        return Chat(self)


class AsyncSmarter(AsyncOpenAI):
    """As `Smarter`, to be awaited."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx.URL | None = None,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        own = _options({**options, "api_key": api_key, "base_url": base_url})
        super().__init__(max_retries=max_retries, default_headers=default_headers, **own)
        _ours(self, default_headers)

    @cached_property
    def resources(self) -> AsyncResources:
        return AsyncResources(self)

    @cached_property
    def chat(self) -> AsyncChat:  # pyright: ignore[reportIncompatibleMethodOverride] # as above
        return AsyncChat(self)
