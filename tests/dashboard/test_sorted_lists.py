"""A click on a column's head sorts the whole list, and its pages stay pages of that order."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import keys
from accounts.models import APIKey, Membership, User
from api import ids
from chatbots import making
from chatbots.author import Author
from chatbots.models import Conversation
from dashboard import chatbot_rows, paging, sorting
from files.models import StoredFile
from tests.cast import Person

MANY = 2 * paging.ROWS + 7
Figure = Callable[[Any], Any]


def walk(client: Client, person: Person, path: str, sort: str) -> list[Any]:
    """Every row, page by page; and back again, which shows the same."""
    address = f"/dashboard/{person.organisation.slug}/{path}?sort={sort}"
    pages, after = [], ""
    while True:
        page = client.get(f"{address}&after={after}" if after else address).context["page"]
        pages.append(page)
        if not page.older:
            break
        after = page.older
    for page, following in pairwise(pages):
        before = client.get(f"{address}&before={following.newer}").context["page"]
        assert before.rows == page.rows
    return [row for page in pages for row in page.rows]


def in_order(client: Client, person: Person, path: str, column: str, figure: Figure) -> None:
    up, down = (walk(client, person, path, sort) for sort in (column, f"-{column}"))
    assert up == down[::-1]
    assert len({row.pk for row in up}) == len(up) > 2 * paging.ROWS
    figures = [figure(row) for row in up]
    assert figures == sorted(figures)
    assert len(set(figures)) > 1


@pytest.fixture
def many_keys(ada: Person) -> None:
    for n in range(MANY):
        keys.issue(ada.organisation.id, name=f"{'aB'[n % 2]} {n % 9}", created_by=ada.user)
    rows = list(APIKey.objects.filter(organisation=ada.organisation))
    for n, key in enumerate(rows):
        key.requests_per_minute = 60 + n % 3
        key.budget_nano, key.budget_period = (n, "month") if n % 2 else (None, None)
        key.last_used_at = timezone.now() - timedelta(minutes=n) if n % 4 else None
    APIKey.objects.bulk_update(
        rows, ["requests_per_minute", "budget_nano", "budget_period", "last_used_at"]
    )


@pytest.mark.parametrize(
    ("column", "figure"),
    [
        ("name", lambda key: key.name.lower()),
        ("rate", lambda key: key.requests_per_minute),
        ("budget", lambda key: 2**63 if key.budget_nano is None else key.budget_nano),
        ("used", lambda key: key.last_used_at or datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_keys(as_ada: Client, ada: Person, many_keys: None, column: str, figure: Figure) -> None:
    in_order(as_ada, ada, "api-keys", column, figure)


@pytest.mark.parametrize(("column", "field"), [("name", "filename"), ("size", "size")])
def test_files(as_ada: Client, ada: Person, column: str, field: str) -> None:
    for n in range(MANY):
        StoredFile.objects.create(
            id=ids.new("file"), organisation=ada.organisation, filename=f"{n % 8}.txt",
            size=n % 5, purpose="user_data", storage_name=str(n), complete=True,
        )  # fmt: skip
    in_order(as_ada, ada, "files", column, lambda file: getattr(file, field))


@pytest.mark.parametrize("column", ["name", "role", "signed-in", "since"])
def test_members(as_ada: Client, ada: Person, column: str) -> None:
    for n in range(MANY):
        person = User.objects.create(
            email=f"{n}@example.com",
            name="Jo" if n % 2 else "",
            last_login=timezone.now() - timedelta(days=n) if n % 3 else None,
        )
        role = Membership.Role.ANALYST if n % 2 else Membership.Role.DEVELOPER
        Membership.objects.create(organisation=ada.organisation, user=person, role=role)
    figure: dict[str, Figure] = {
        "name": lambda member: (member.user.name or member.user.email).lower(),
        "role": lambda member: member.role,
        "signed-in": lambda member: member.user.last_login or datetime(1970, 1, 1, tzinfo=UTC),
        "since": lambda member: member.created_at,
    }
    in_order(as_ada, ada, "team", column, figure[column])


@pytest.mark.parametrize("column", ["name", "messages", "cost", "last"])
def test_chatbots(as_ada: Client, busy: Person, column: str) -> None:
    author = Author(busy.user.id, None)
    for n in range(MANY):
        making.create(busy.organisation.id, author, f"bot-{n}", f"Bot {n % 9}")
    used = chatbot_rows.used(busy.organisation.id)
    assert used
    figure: dict[str, Figure] = {
        "name": lambda bot: bot.title.lower(),
        "messages": lambda bot: used[bot.pk].requests if bot.pk in used else 0,
        "cost": lambda bot: used[bot.pk].charged_nano if bot.pk in used else 0,
        "last": lambda bot: bot.sorted_by,
    }
    in_order(as_ada, busy, "chatbots", column, figure[column])


@pytest.mark.parametrize("path", ["chatbots", "api-keys"])
def test_only_the_figure_that_is_asked_for_is_worked_out(
    as_ada: Client, busy: Person, path: str
) -> None:
    def figures(sort: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            as_ada.get(f"/dashboard/{busy.organisation.slug}/{path}{sort}")
        return sum("::jsonb" in query["sql"] for query in asked)

    sums = {"chatbots": "cost", "api-keys": "spent"}
    assert [figures(sort) for sort in ("", "?sort=name", f"?sort=-{sums[path]}")] == [0, 0, 1]


def test_conversations_from_the_oldest_on(as_ada: Client, busy: Person) -> None:
    talks = Conversation.objects.filter(organisation=busy.organisation)
    oldest = talks.order_by("last_message_at", "pk").values_list("pk", flat=True)
    page = f"/dashboard/{busy.organisation.slug}/conversations"
    shown = as_ada.get(f"{page}?sort=time")
    assert [talk.pk for talk in shown.context["page"].rows] == list(oldest)[: paging.ROWS]
    assert "Newest first" in shown.content.decode()
    assert "Oldest first" in as_ada.get(page).content.decode()


def test_a_head_tells_how_the_list_is_sorted(as_ada: Client, ada: Person, many_keys: None) -> None:
    page = f"/dashboard/{ada.organisation.slug}/api-keys"
    unsorted = as_ada.get(page).content.decode()
    assert 'href="?sort=-spent"' in unsorted
    assert "aria-sort" not in unsorted
    html = as_ada.get(f"{page}?sort=-spent&q=a").content.decode()
    assert 'aria-sort="descending"><a href="?q=a&amp;sort=spent"' in html
    assert "Next" in html


def test_another_column_than_those_of_the_list_changes_nothing() -> None:
    assert sorting.of({"sort": "digest"}, ["name"]) == sorting.UNSORTED
    assert sorting.of({}, ["time"], "-time") == sorting.Sort("time", descending=True)
    assert sorting.of({"sort": "name"}, ["name"]).next("name") == "-name"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("api-keys", {"sort": "-spent", "state": "active"}),
        ("chatbots", {"sort": "name", "state": "live"}),
        ("files", {"sort": "size", "purpose": "user_data", "state": "failed"}),
        ("team", {"sort": "-since"}),
        ("conversations", {"sort": "time"}),
        ("billing", {"kind": "usage"}),
        ("usage", {"sort": "-total"}),
    ],
)
def test_what_is_looked_for_next_keeps_the_order_and_the_filters(
    as_ada: Client, busy: Person, path: str, query: dict[str, str]
) -> None:
    page = f"/dashboard/{busy.organisation.slug}/{path}"
    html = as_ada.get(page, {**query, "q": "a", "after": ""}).content.decode()
    form = re.findall(r"<form.*?</form>", html, re.DOTALL)
    kept = {name: f'<input type="hidden" name="{name}" value="{query[name]}">' for name in query}
    assert any(all(field in each for field in kept.values()) for each in form)
    assert not any('name="after"' in each for each in form)
