"""Each number on a page is the API's own, and every total is the sum of what stands above it."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from accounts.models import APIKey, Refusal
from billing import usage
from billing.models import Hold
from chatbots.models import Conversation, Visitor
from dashboard import activity, usage_table, visits
from tests.cast import Person

NUMBER = re.compile(r'<td class="number"\s+data-value="(\d+)">')


def asked(person: Person, path: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {person.key}"}
    body: dict[str, Any] = Client().get(path, headers=headers).json()
    return body


def page(client: Client, person: Person, path: str) -> str:
    answer = client.get(f"/dashboard/{person.organisation.slug}/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("metric", "names"),
    [
        ("requests", ("requests",)),
        ("tokens", ("prompt_tokens", "completion_tokens")),
        ("cost", ("cost_nano",)),
    ],
)
def test_the_usage_table_holds_what_the_api_tells(
    as_ada: Client, busy: Person, metric: str, names: tuple[str, ...]
) -> None:
    html = page(as_ada, busy, f"usage?metric={metric}&days=30")
    query = re.search(r"/v1/usage\?[^&]*[^\"]*?(?=&quot;)", html)
    assert query is not None
    told = asked(busy, query[0].replace("&amp;", "&"))
    expected = sum(line[name] for line in told["data"] for name in names)
    assert expected > 0
    assert sum(map(int, NUMBER.findall(html))) == expected


@pytest.mark.parametrize("name", ["model", "key"])
@pytest.mark.parametrize("by", ["model", "chatbot", "key", "user", "status"])
def test_a_narrowed_table_holds_what_its_api_query_tells(
    as_ada: Client, busy: Person, name: str, by: str
) -> None:
    hold = Hold.objects.filter(organisation=busy.organisation).latest("closed_at")
    value = {"model": hold.model, "key": hold.key_id}[name]
    html = page(as_ada, busy, f"usage?by={by}&days=90&{name}={value}")
    query = api_query(html)
    whole = asked(busy, re.sub(rf"&{name}=[^&]+", "", query))["data"]
    expected = sum(line["requests"] for line in asked(busy, query)["data"])
    assert 0 < expected < sum(line["requests"] for line in whole)
    assert sum(map(int, NUMBER.findall(html))) == expected


def test_errors_are_the_calls_that_no_charge_tells_of(as_ada: Client, busy: Person) -> None:
    mine = Hold.objects.filter(organisation=busy.organisation)
    failed = [hold.pk for hold in mine.order_by("-closed_at")[:3]]
    mine.filter(pk__in=failed).update(state="voided", charged=0)
    usage.rebuild()
    html = page(as_ada, busy, "usage?metric=errors&days=30&by=key")
    assert sum(map(int, NUMBER.findall(html))) == 3
    told = asked(busy, api_query(html))["data"]
    assert sum(line["requests"] for line in told) == 3
    assert {line["cost_nano"] for line in told} == {0}
    outcomes = page(as_ada, busy, "usage?days=90&by=status")
    assert sum(map(int, NUMBER.findall(outcomes))) == mine.filter(closed_at__isnull=False).count()


def test_a_short_period_is_told_by_the_hour(as_ada: Client, busy: Person) -> None:
    hold = Hold.objects.filter(organisation=busy.organisation).latest("closed_at")
    assert hold.closed_at is not None
    day = hold.closed_at.date()
    html = page(as_ada, busy, f"usage?by=key&from={day}&to={day + timedelta(days=1)}")
    told = asked(busy, api_query(html))
    assert told["group_by"] == ["hour", "key"]
    expected = sum(line["requests"] for line in told["data"])
    assert 0 < expected == sum(map(int, NUMBER.findall(html)))
    assert f'data-label="{hold.closed_at:%H}:00"' in html


def test_calls_that_a_limit_refused_stand_beside_the_others(as_ada: Client, busy: Person) -> None:
    key = APIKey.objects.filter(organisation=busy.organisation, name__contains="staging").get()
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for ago, calls in ((0, 4), (50, 3)):
        Refusal.objects.create(
            organisation=busy.organisation, key=key, hour=hour - timedelta(hours=ago), calls=calls
        )
    answer = as_ada.get(f"/dashboard/{busy.organisation.slug}/usage?by=key")
    table = answer.context["table"]
    assert table.limited == 7 == sum(row.limited for row in table.rows)
    assert {one.name: one.limited for one in table.series if one.limited} == {key.name: 7}
    html = page(as_ada, busy, "usage?metric=limited")
    told = asked(busy, api_query(html))["data"]
    assert [(line["key"], line["requests"]) for line in told] == [(key.id, 3), (key.id, 4)]
    assert sum(map(int, NUMBER.findall(html))) == 7
    outcomes = as_ada.get(f"/dashboard/{busy.organisation.slug}/usage?by=status").context["table"]
    assert {one.id: one.total for one in outcomes.series}["limited"] == 7


@pytest.mark.parametrize("column", ["time", "total", "limited", "1"])
def test_rows_stand_in_the_order_of_a_column(as_ada: Client, busy: Person, column: str) -> None:
    table = f"/dashboard/{busy.organisation.slug}/usage?by=key&days=90&sort="
    up = as_ada.get(f"{table}{column}").context["table"].rows
    down = as_ada.get(f"{table}-{column}").context["table"].rows
    figure: Callable[[usage_table.Row], Any] = {
        "time": lambda row: row.at, "total": lambda row: row.total,
        "limited": lambda row: row.limited, "1": lambda row: row.values[0],
    }[column]  # fmt: skip
    assert up == down[::-1]
    assert [figure(row) for row in up] == sorted(figure(row) for row in up)
    usual = as_ada.get(f"{table}nothing").context["table"].rows
    assert [row.at for row in usual] == sorted((row.at for row in up), reverse=True)


def api_query(html: str) -> str:
    found = re.search(r"/v1/usage\?[^\"]*?(?=&quot;)", html)
    assert found is not None
    return found[0].replace("&amp;", "&")


def test_the_csv_has_the_same_lines(as_ada: Client, busy: Person) -> None:
    rows = list(csv.DictReader(io.StringIO(page(as_ada, busy, "usage?days=30&format=csv"))))
    told = asked(busy, "/v1/usage?group_by=day,model")
    assert [row["cost_nano"] for row in rows] == [str(row["cost_nano"]) for row in told["data"]]


def test_the_balance_is_the_apis_and_its_parts_add_up(as_ada: Client, busy: Person) -> None:
    told = asked(busy, "/v1/balance")
    html = strip_tags(page(as_ada, busy, "billing"))
    assert f"${float(told['available']):.6f}" in html
    assert told["available_nano"] + told["held_nano"] == told["balance_nano"]


def test_the_ledger_runs_and_its_page_is_summed(as_ada: Client, busy: Person) -> None:
    answer = as_ada.get(f"/dashboard/{busy.organisation.slug}/billing")
    lines = answer.context["page"].rows
    assert len(lines) == 25
    for newer, older in pairwise(lines):
        assert newer.balance_after == older.balance_after + newer.amount
    assert answer.context["total"] == sum(line.amount for line in lines)
    assert answer.context["tokens_in"] == sum(line.hold.prompt_tokens for line in lines)


def test_older_pages_go_on_where_the_newer_ended(as_ada: Client, busy: Person) -> None:
    address = f"/dashboard/{busy.organisation.slug}/billing"
    first = as_ada.get(address).context["page"]
    second = as_ada.get(address, {"after": first.older}).context["page"]
    back = as_ada.get(address, {"before": second.newer}).context["page"]
    oldest, next_older = first.rows[-1], second.rows[0]
    assert oldest.balance_after == next_older.balance_after + oldest.amount
    assert [line.pk for line in back.rows] == [line.pk for line in first.rows]


def test_one_run_shows_what_the_api_tells_of_it(as_ada: Client, busy: Person) -> None:
    hold = Hold.objects.filter(organisation=busy.organisation).latest("closed_at")
    told = asked(busy, f"/v1/generations/{hold.id}")
    html = strip_tags(page(as_ada, busy, f"runs/{hold.id}"))
    assert f"{told['prompt_tokens']:,}" in html
    assert f"{told['completion_tokens']:,}" in html
    assert told["request_id"] in html
    assert f"{told['cost_nano'] / 1e9:.6f}"[-6:] in html


def test_the_overview_sums_what_the_api_tells(as_ada: Client, busy: Person) -> None:
    used = activity.of(busy.organisation.id, 30)
    told = asked(busy, "/v1/usage?group_by=day,chatbot")
    messages = sum(line["requests"] for line in told["data"] if line["chatbot"])
    chatted = activity.of(busy.organisation.id, 30, {"chatbot": usage.ANY})
    assert used.total(activity.charged) == told["total_cost_nano"]
    assert 0 < messages < used.total(activity.requests)
    assert sum(chatted.by_day(activity.requests)) == messages
    assert f'reading-value">{messages:,}<' in re.sub(r"\s+", "", page(as_ada, busy, "overview"))
    narrowed = page(as_ada, busy, "usage?by=chatbot&chatbot=*&days=30")
    assert sum(map(int, NUMBER.findall(narrowed))) == messages
    talks = Conversation.objects.filter(organisation=busy.organisation)
    assert visits.of(busy.organisation.id, 30).visitors == talks.count()  # nobody came twice


def test_a_person_who_comes_twice_is_one_visitor(busy: Person) -> None:
    first, second = Conversation.objects.filter(organisation=busy.organisation)[:2]
    before = visits.of(busy.organisation.id, 7)
    visitor = Visitor.objects.create(organisation=busy.organisation, chatbot=first.chatbot)
    Conversation.objects.filter(pk__in=[first.pk, second.pk]).update(
        visitor=visitor, chatbot=first.chatbot
    )
    cache.clear()  # it is kept for a minute
    after = visits.of(busy.organisation.id, 7)
    assert after.visitors == before.visitors - 1
    assert after.by_day == before.by_day


def test_strangers_runs_and_files_are_unknown(
    as_ada: Client, busy: Person, mallory: Person
) -> None:
    theirs = Client()
    theirs.force_login(mallory.user)
    hold = Hold.objects.filter(organisation=busy.organisation).latest("closed_at")
    file = busy.organisation.files.latest("created_at")
    for path in (f"runs/{hold.id}", f"files/{file.id}", f"files/{file.id}/content"):
        assert as_ada.get(f"/dashboard/{busy.organisation.slug}/{path}").status_code == 200
        assert theirs.get(f"/dashboard/{mallory.organisation.slug}/{path}").status_code == 404
    deleted = theirs.post(f"/dashboard/{mallory.organisation.slug}/files/{file.id}/delete")
    assert deleted.status_code == 404
