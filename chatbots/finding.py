"""Which chatbot is meant, as it is right now: by a publishable key, by name, by its page's slug.

A chatbot is read again after two seconds at most: what is published, paused or revoked bites then.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Any, Final

from accounts import key_material
from api import database
from api.errors import NotFound
from chatbots.configuration import Configuration
from chatbots.states import Spent, State, is_over

KEPT_SECONDS: Final = 2.0
MOST_KEPT: Final = 4096
DRAFT: Final = "draft"
LIVE: Final = "live"


@dataclass(frozen=True, slots=True)
class Live:
    """`configuration` is the published one; the draft's with `draft`, or if none is live."""

    chatbot_id: str
    organisation_id: str
    name: str
    slug: str
    title: str
    version_number: int | None
    configuration: Configuration = field(repr=False)
    state: State
    token_generation: int
    key_id: str
    store_id: str
    default_model: str | None = None
    former_names: tuple[str, ...] = ()
    draft: bool = False

    def is_called(self, name: str) -> bool:
        return name == self.name or name in self.former_names

    @property
    def answers(self) -> bool:
        """May it be asked now? A budget is asked by the ledger, with each prompt."""
        return self.draft or self.state in {"live", "over_budget"}


async def live(key: str) -> Live | None:
    """By a publishable key; None for one that is wrong, revoked or expired, or of nobody.

    Of a suspended organisation the state is `paused`.
    """
    if not key_material.is_well_formed(key):
        return None
    return await _kept("key", key_material.digest(key))


async def by_slug(slug: str) -> Live | None:
    """The chatbot of the page /c/<slug>, also by a slug of before."""
    return await _kept("slug", slug) if slug.isprintable() else None


async def by_name(organisation_id: str, name: str) -> Live:
    """Also by a former name. Raises NotFound, also for a stranger's. Never older than the call."""
    found = await _read("name", name, organisation_id) if name.isprintable() else None
    if found is None:
        raise unknown()
    return found


def unknown() -> NotFound:
    return NotFound(
        "No chatbot has this name, or it is not yours.",
        param="name",
        hint="List yours with GET /v1/chatbots.",
    )


async def draft(organisation_id: str, name: str) -> Live:
    """The same with what is not published yet: for its makers alone. Raises NotFound."""
    found = await _read("draft", name, organisation_id) if name.isprintable() else None
    if found is None:
        raise unknown()
    return found


async def tried(organisation_id: str, name: str, of: str) -> Live:
    """What a maker tries: `live`, `draft`, or `draft:<model>`, the draft with that model instead of
    its own. Raises NotFound."""
    if of == LIVE:
        return await by_name(organisation_id, name)
    live, model = await draft(organisation_id, name), of.partition(":")[2]
    if not model:
        return live
    configuration = live.configuration.model_copy(update={"model": model})
    return replace(live, configuration=configuration)


def forget_all() -> None:
    """Read everything anew (a test's wish, and a change's in this process)."""
    _known.clear()


_known: dict[tuple[str, str], tuple[float, Live | None]] = {}


async def _kept(by: str, value: str) -> Live | None:
    now = time.monotonic()
    kept = _known.get((by, value))
    if kept and now < kept[0]:
        return kept[1]
    found = await _read(by, value)
    if len(_known) >= MOST_KEPT:
        _known.clear()
    _known[by, value] = (now + KEPT_SECONDS, found)
    return found


async def _read(by: str, value: str, organisation_id: str | None = None) -> Live | None:
    values = {"value": value, "organisation": organisation_id}
    async with database.connection() as connection:
        row = await (await connection.execute(_FIND + _BY[by], values)).fetchone()
    return None if row is None else _live(_Row(*row), draft=by == "draft")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of _FIND, in its order."""

    chatbot_id: str
    organisation_id: str
    name: str
    slug: str
    title: str
    version_number: int | None
    published: dict[str, Any] | None
    draft: dict[str, Any]
    token_generation: int
    key_id: str
    store_id: str
    default_model: str | None
    paused: bool
    day_nano: int
    month_nano: int
    former_names: list[str]


def _live(row: _Row, *, draft: bool) -> Live:
    chosen = row.draft if draft or row.published is None else row.published
    configuration = Configuration.model_validate(chosen)
    return Live(
        chatbot_id=row.chatbot_id,
        organisation_id=row.organisation_id,
        name=row.name,
        slug=row.slug,
        title=row.title,
        version_number=None if draft else row.version_number,
        configuration=configuration,
        state=_state(row, configuration),
        token_generation=row.token_generation,
        key_id=row.key_id,
        store_id=row.store_id,
        default_model=row.default_model,
        former_names=tuple(row.former_names),
        draft=draft,
    )


def _state(row: _Row, configuration: Configuration) -> State:
    if row.paused:
        return "paused"
    if row.published is None:
        return "draft_only"
    budget, so_far = configuration.budget, Spent(row.day_nano, row.month_nano)
    return "over_budget" if is_over(budget.day_nano, budget.month_nano, so_far) else "live"


_FIND: Final = """
    SELECT bot.id, bot.organisation_id, bot.name, bot.slug, bot.title, version.number,
           version.configuration, bot.draft, bot.token_generation, bot.publishable_key_id,
           bot.store_id, organisation.default_model,
           bot.paused_at IS NOT NULL OR organisation.suspended_at IS NOT NULL,
           coalesce(day.spent, 0), coalesce(month.spent, 0),
           ARRAY(SELECT former.name FROM chatbots_formername AS former
                  WHERE former.chatbot_id = bot.id)
      FROM chatbots_chatbot AS bot
      JOIN accounts_organisation AS organisation ON organisation.id = bot.organisation_id
      JOIN accounts_apikey AS key ON key.id = bot.publishable_key_id
      LEFT JOIN chatbots_version AS version ON version.id = bot.live_id
      LEFT JOIN billing_chatbotwindow AS day
             ON day.chatbot_id = bot.id AND day.period = 'day'
            AND day.starts_at = date_trunc('day', now(), 'UTC')
      LEFT JOIN billing_chatbotwindow AS month
             ON month.chatbot_id = bot.id AND month.period = 'month'
            AND month.starts_at = date_trunc('month', now(), 'UTC')
"""
_NAMED: Final = """
     WHERE bot.organisation_id = %(organisation)s
       AND (bot.name = %(value)s OR bot.id = (
           SELECT former.chatbot_id FROM chatbots_formername AS former
            WHERE former.organisation_id = %(organisation)s AND former.name = %(value)s))
"""
_BY: Final = {
    "key": """
     WHERE key.digest = %(value)s AND key.revoked_at IS NULL
       AND (key.expires_at IS NULL OR key.expires_at > statement_timestamp())""",
    "slug": """
     WHERE bot.slug = %(value)s OR bot.id = (
         SELECT former.chatbot_id FROM chatbots_formername AS former
          WHERE former.slug = %(value)s)""",
    "name": _NAMED,
    "draft": _NAMED,
}
