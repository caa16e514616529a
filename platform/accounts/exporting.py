"""Everything that is stored about one person, as a zip of JSON files."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any, Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from accounts.models import APIKey, AuditEntry, Invitation, Membership, User

_README: Final = (
    "What this server knows about you. Secrets (passwords, keys, second factors) are not in here:\n"
    "they are stored as digests or encrypted, and mean nothing elsewhere. What your organisations\n"
    "made (chatbots, files, conversations, money) is theirs, and is exported from their pages.\n"
)


def archive(user: User) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("README.txt", _README)
        for name, rows in _parts(user).items():
            text = json.dumps(list(rows), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
            file.writestr(f"{name}.json", text)
    return packed.getvalue()


def _parts(user: User) -> dict[str, Iterable[Mapping[str, Any]]]:
    return {
        "account": _rows(
            User.objects.filter(pk=user.pk),
            "id", "email", "name", "theme", "language", "browser_language", "is_staff",
            "created_at", "last_login",
        ),
        "addresses": _rows(EmailAddress.objects.filter(user=user), "email", "verified", "primary"),
        "second_factors": _rows(
            Authenticator.objects.filter(user=user), "type", "created_at", "last_used_at"
        ),
        "sessions": _rows(
            UserSession.objects.filter(user=user), "ip", "user_agent", "created_at", "last_seen_at"
        ),
        "memberships": _rows(
            Membership.objects.filter(user=user),
            "organisation_id", "organisation__name", "role", "created_at",
        ),
        "invitations": _rows(
            Invitation.objects.filter(email=user.email), "organisation__name", "role", "created_at"
        ),
        "api_keys": _rows(
            APIKey.objects.filter(created_by=user),
            "id", "organisation_id", "name", "kind", "prefix", "last4", "scopes", "created_at",
            "last_used_at", "revoked_at",
        ),
        "audit": _rows(
            AuditEntry.objects.filter(actor__in=[user.id, user.email]),
            "created_at", "action", "target", "organisation_id", "address", "before", "after",
        ),
    }  # fmt: skip


def _rows(rows: QuerySet[Any], *fields: str) -> Iterable[Mapping[str, Any]]:
    return rows.values(*fields)
