"""Usage by its largest groups: few lines, however many groups there are, and the API's own sums."""

from collections import Counter
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import APIKey
from billing import usage
from billing.models import Hold
from dashboard import activity, usage_groups
from dashboard.usage_groups import OTHERS
from tests.cast import Person

MOST = 5
MANY = 12
FIGURE = {
    "requests": activity.requests, "tokens": activity.tokens, "cost": activity.charged,
}  # fmt: skip


@pytest.fixture
def many_keys(busy: Person) -> list[str]:
    """The calls of two days, spread over a dozen keys: the first has the most."""
    made = [
        keys.issue(busy.organisation.id, name=f"Key {n}", created_by=busy.user)[0].pk
        for n in range(MANY)
    ]
    places = [n for n in range(MANY) for _ in range(MANY - n)]
    for n, hold in enumerate(Hold.objects.filter(organisation=busy.organisation).order_by("pk")):
        ended = timezone.now() - timedelta(days=2 + n % 2)
        key = made[places[n % len(places)]]
        Hold.objects.filter(pk=hold.pk).update(key=key, closed_at=ended)
    usage.rebuild()
    return made


def by_day_and_key(person: Person) -> tuple[str, date, date, list[str], dict[str, str]]:
    tomorrow = timezone.now().date() + timedelta(days=1)
    return person.organisation.id, tomorrow - timedelta(days=60), tomorrow, ["day", "key"], {}


@pytest.mark.parametrize("metric", FIGURE)
def test_the_largest_are_told_apart_and_the_rest_is_one(
    busy: Person, many_keys: list[str], metric: str
) -> None:
    asked = by_day_and_key(busy)
    told: Counter[str] = Counter()
    for line in usage.by(*asked):
        told[line.key or ""] += FIGURE[metric](line)
    assert len(told) == MANY
    found = usage_groups.largest(usage.question(*asked, "answered"), "key", metric, MOST)
    assert len(found.lines) == 2 * MOST
    shown: Counter[str] = Counter()
    for group, line in found.lines:
        shown[group] += FIGURE[metric](line)
    largest = dict(told.most_common(MOST - 1))
    assert found.others == MANY - MOST + 1
    assert shown == {**largest, OTHERS: told.total() - sum(largest.values())}


def test_as_many_groups_as_fit_are_all_told_apart(busy: Person, many_keys: list[str]) -> None:
    asked = by_day_and_key(busy)
    found = usage_groups.largest(usage.question(*asked, "answered"), "key", "requests", MANY)
    assert {group for group, _line in found.lines} == set(many_keys)
    assert found.others == 0


def test_calls_stand_with_who_made_their_key_or_with_nobody(
    as_ada: Client, busy: Person, ben: Person, many_keys: list[str]
) -> None:
    APIKey.objects.filter(pk__in=many_keys[:4]).update(created_by=ben.user)
    APIKey.objects.filter(pk=many_keys[4]).update(created_by=None)
    page = as_ada.get(f"/dashboard/{busy.organisation.slug}/usage?by=user&days=90")
    shown = {each.id: each.requests for each in page.context["table"].series}
    calls = Counter(
        Hold.objects.filter(key__in=many_keys).values_list("key__created_by", flat=True)
    )
    assert shown == {each or "": n for each, n in calls.items()}
    assert "Nobody" in page.text
