"""The entries of the rail: what this role may open, and only what the site has."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Entry:
    """`name` is a route of `dashboard:`; `also` are routes that light the same entry.

    `key`, typed after g, leads there.
    """

    name: str
    label: str | Promise
    icon: str
    key: str
    scope: str | None = None
    also: tuple[str, ...] = ()
    short: str | Promise = ""
    rank: int = 9
    """Its word and place in the bar of a phone; without a word it stands under More."""


@dataclass(frozen=True, slots=True)
class Link:
    entry: Entry
    url: str
    is_current: bool


ENTRIES: Final = (
    Entry("overview", _("Overview"), "overview", "o", short=_("Overview"), rank=1),
    Entry(
        "chatbots",
        _("Chatbots"),
        "chatbots",
        "c",
        "chatbots:read",
        ("chatbot",),
        _("Chatbots"),
        rank=2,
    ),
    Entry(
        "conversations",
        _("Conversations"),
        "conversations",
        "i",
        "chatbots:read",
        ("conversation",),
        _("Inbox"),
        rank=3,
    ),
    Entry("files", _("Files"), "files", "f", "files:read", ("file",)),
    Entry("models", _("Models"), "models", "m", "models:read", ("model",)),
    Entry("api-keys", _("API keys"), "keys", "k", "keys:write", ("api-key",), _("Keys"), rank=5),
    Entry("usage", _("Usage"), "usage", "u", "usage:read", short=_("Usage"), rank=4),
    Entry("runs", _("Runs"), "requests", "r", "usage:read", ("run",), _("Runs"), rank=6),
    Entry("billing", _("Billing"), "billing", "b", "usage:read", ("top-up",)),
    Entry("team", _("Team"), "team", "t", "admin"),
    Entry("webhooks", _("Webhooks"), "webhooks", "w", "admin", ("webhook",)),
    Entry("audit", _("Audit"), "audit", "a", "admin"),
    Entry("docs", _("Docs"), "docs", "d", also=("doc",)),
)
MOST_TABS: Final = 4


def links(slug: str, scopes: frozenset[str], current: str) -> list[Link]:
    """For a member with these `scopes`, on the page of the route `current`."""
    allowed = (entry for entry in ENTRIES if entry.scope is None or entry.scope in scopes)
    return [
        Link(entry, url, is_current=_is_current(entry, current))
        for entry in allowed
        if (url := _address(entry.name, slug))
    ]


def tabs(shown: list[Link]) -> tuple[list[Link], list[Link]]:
    """What stands in the bar of a phone, and what stands under More."""
    named = (link for link in shown if link.entry.short)
    bar = sorted(named, key=lambda link: link.entry.rank)[:MOST_TABS]
    return bar, [link for link in shown if link not in bar]


def _is_current(entry: Entry, current: str) -> bool:
    """`conversations-export`, `chatbot-embed`: new pages of a thing need no line here."""
    names = (entry.name, *entry.also)
    return current in names or current.startswith(tuple(f"{name}-" for name in names))


@lru_cache(maxsize=4096)
def address(name: str, slug: str, *arguments: str) -> str:
    """Of a page of a team; a page has fifty of them. Raises NoReverseMatch."""
    return reverse(f"dashboard:{name}", args=[slug, *arguments])


def _address(name: str, slug: str) -> str:
    try:
        return address(name, slug)
    except NoReverseMatch:
        return ""  # a page that this site does not have
