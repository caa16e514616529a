"""What the first start makes: an administrator, a demo organisation with credit, and its key."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts import key_material, keys, registration, scopes
from accounts.models import APIKey, Membership, User
from billing import accounts, topping_up
from chatbots import demo
from chatbots.models import Chatbot

EMAIL = "admin@example.com"
DEMO = "Demo"
DEMO_CREDIT = 10 * 10**9  # nano-dollars


@dataclass(frozen=True, slots=True)
class Credentials:
    email: str
    password: str
    api_key: str


def credentials(data: Path) -> Credentials:
    """The demo login and key, as kept in the data folder or made now.

    They are made again when the file, or what it opens, is gone.
    """
    file = data / "credentials.json"
    if file.exists():
        kept = Credentials(**json.loads(file.read_text()))
        if _still_open_the_door(kept):
            return kept
    with transaction.atomic():
        made = _renewed() if User.objects.filter(email=EMAIL).exists() else _created()
        _keep(file, made)
    return made


def chatbot(made: Credentials) -> Chatbot | None:
    """The demo organisation's chatbot, which knows docs/; None where its owner deleted it."""
    key = APIKey.objects.get(digest=key_material.digest(made.api_key))
    return demo.ensure(key.organisation_id, sorted((settings.BASE_DIR / "docs").glob("*.md")))


def _still_open_the_door(kept: Credentials) -> bool:
    """The key may have been revoked or the password changed: that is the owner's business."""
    return (
        User.objects.filter(email=kept.email).exists()
        and APIKey.objects.filter(digest=key_material.digest(kept.api_key)).exists()
    )


def _created() -> Credentials:
    made = registration.create_organisation(DEMO, EMAIL, is_administrator=True)
    accounts.open_account(made.organisation)
    if not settings.PRODUCTION:
        topping_up.top_up(made.organisation, DEMO_CREDIT, "first start")
    return Credentials(EMAIL, made.password or "", made.api_key)


def _renewed() -> Credentials:
    """The data folder was emptied and the database was not: a new password and a new key."""
    user = User.objects.get(email=EMAIL)
    user.set_password(password := secrets.token_urlsafe(12))
    user.save(update_fields=["password"])
    membership = Membership.objects.filter(user=user, role=Membership.Role.OWNER).earliest("pk")
    _key, plaintext = keys.issue(
        membership.organisation_id, name="First key", scopes=sorted(scopes.ALL), created_by=user
    )
    return Credentials(EMAIL, password, plaintext)


def _keep(file: Path, made: Credentials) -> None:
    """Only for us to read; whole or not at all."""
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        json.dump(asdict(made), output)
    draft.replace(file)
