"""Who is who: users, organisations, memberships, API keys, and what they did."""

from accounts.models.api_key import APIKey
from accounts.models.audit_entry import AuditEntry
from accounts.models.idempotency_record import IdempotencyRecord
from accounts.models.membership import Membership
from accounts.models.organisation import Organisation
from accounts.models.user import User

__all__ = ["APIKey", "AuditEntry", "IdempotencyRecord", "Membership", "Organisation", "User"]
