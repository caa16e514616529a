"""A team with a past: calls of a month in the ledger, keys, members, files; for looking at pages.

Run inside a server's own process: `manage.py shell -c "from tests.browser import seeding; …"`.
"""

import json
import random
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.utils import timezone

from accounts import invitations, keys
from accounts.models import APIKey, Membership, Organisation, User
from api import ids
from billing import adjusting, caps, usage
from billing.models import Price
from files import receiving
from tests.browser import seeded_chats

PEOPLE: Final = (
    ("ines@fernhill.example", "Ines Okafor", "admin"),
    ("tom@fernhill.example", "Tom Ridley", "developer"),
    ("amara@fernhill.example", "Amara Lindqvist", "billing"),
    ("jo@fernhill.example", "Jo Brandt", "analyst"),
)
KEYS: Final = (
    ("Order service, production", ["inference", "models:read"], 10 * 10**9),
    ("Order service, staging", ["inference", "models:read"], 5 * 10**9),
    ("Invoices, month end", ["inference", "files:read", "files:write"], 2 * 10**9),
)
DAYS: Final = 62


def fill(slug: str = "demo", calls_a_day: int = 30, spent: int = 0) -> None:
    """The same past every time, but for `spent` nano-dollars that are gone before it."""
    chance = random.Random(7)
    organisation = Organisation.objects.get(slug=slug)
    owner = User.objects.get(memberships__organisation=organisation, memberships__role="owner")
    Organisation.objects.filter(pk=organisation.pk).update(name="Fernhill Outdoor")
    User.objects.filter(pk=owner.pk).update(name="Rosa Hale")
    for email, name, role in PEOPLE:
        person = User.objects.create_user(email, "a password of theirs", name=name)
        Membership.objects.create(organisation=organisation, user=person, role=role)
    made = [_key(organisation, owner, *facts) for facts in KEYS]
    if spent:
        adjusting.adjust(organisation, -spent, f"seed:{slug}", actor="seed", note="An older month")
    models = list(Price.objects.filter(tier="standard").values_list("model", flat=True).distinct())
    begin = timezone.now() - timedelta(days=DAYS)
    for day in range(DAYS + 1):
        for n in range(chance.randint(calls_a_day // 2, calls_a_day)):
            moment = begin + timedelta(days=day, minutes=22 * n + chance.randint(0, 9))
            if moment < timezone.now():
                _call(organisation.id, chance, chance.choice(made), models, moment)
    revoked = keys.issue(organisation.id, name="Old laptop", created_by=owner)[0]
    APIKey.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    _files(organisation.id)
    seeded_chats.fill(organisation, owner)
    _by_chatbots(organisation.id)
    invitations.invite(organisation, "new@fernhill.example", "developer", owner, "192.0.2.7")
    caps.recount()
    usage.rebuild()  # the past that was just made had been summed up already, without it


def _key(
    organisation: Organisation, owner: User, name: str, scopes: list[str], budget: int
) -> APIKey:
    key, _plaintext = keys.issue(
        organisation.id, name=name, scopes=scopes, created_by=owner, budget_nano=budget,
        budget_period="month",
    )  # fmt: skip
    return key


def _call(
    organisation_id: str, chance: random.Random, key: APIKey, models: list[str], moment: datetime
) -> None:
    hold = ids.new("gen")
    into, out = chance.randint(3_000, 60_000), chance.randint(200, 6_000)
    first = chance.randint(80, 420)
    duration = first + out * chance.randint(5, 9)
    weights = [9, 4, 2, 1, 1, 1, 1, 1, 1, 1][: len(models)]
    model = chance.choices(models[: len(weights)], weights)[0]
    asked = {
        "id": hold, "organisation": organisation_id, "key": key.id, "meter": key.id,
        "chatbot": None, "model": model, "tier": "standard", "prompt": into, "max_output": 1024,
        "choices": 1, "least_output": 16, "budget": None, "period": None,
    }  # fmt: skip
    closing = {
        "id": hold, "state": "settled", "prompt": into, "cached": into // 3, "completion": out,
        "finish": "stop", "first_token_ms": first, "duration_ms": duration,
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT outcome FROM ledger_hold(%s::jsonb)", [json.dumps([asked])])
        outcome = cursor.fetchone()
        assert outcome == ("held",), f"no past without credit and prices: {outcome}"
        cursor.execute("SELECT * FROM ledger_close(%s::jsonb)", [json.dumps([closing])])
        cursor.execute("SET LOCAL session_replication_role = replica")  # the book refuses a past
        end = moment + timedelta(seconds=4)
        for table, column in (("hold", "created_at"), ("hold", "closed_at")):
            when = moment if column == "created_at" else end
            cursor.execute(f"UPDATE billing_{table} SET {column} = %s WHERE id = %s", [when, hold])  # noqa: S608 - names of ours
        cursor.execute("UPDATE billing_journal SET created_at = %s WHERE hold_id = %s", [end, hold])


def _by_chatbots(organisation_id: str) -> None:
    """Four of five calls were a chatbot's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH bots AS (SELECT array(SELECT id FROM chatbots_chatbot WHERE organisation_id = %s"
            " ORDER BY name) AS ids) UPDATE billing_hold SET chatbot_id ="
            " ids[1 + abs(hashtext(billing_hold.id)) %% cardinality(ids)] FROM bots"
            " WHERE organisation_id = %s AND abs(hashtext(billing_hold.id)) %% 5 > 0",
            [organisation_id, organisation_id],
        )


def _files(organisation_id: str) -> None:
    texts: dict[str, Any] = {
        "returns.md": "# Returns\n\nYou have 60 days from delivery.\n" * 40,
        "shipping-and-duties.md": "# Shipping\n\nWe deliver to Austria in four days.\n" * 60,
        "lakeland-walks.csv": "walk,hours,dogs\nStriding Edge,5,no\nAmbleside round,3,yes\n" * 80,
    }
    for name, text in texts.items():
        stream = ContentFile(text.encode())
        receiving.receive(
            organisation_id, receiving.Incoming(stream.file, name, stream.size, "assistants")
        )
