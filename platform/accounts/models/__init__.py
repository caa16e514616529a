"""Who is who: users, organisations, memberships, API keys, webhooks, and what they did."""

from accounts.models.api_key import APIKey
from accounts.models.audit_entry import AuditEntry
from accounts.models.idempotency_record import IdempotencyRecord
from accounts.models.invitation import Invitation
from accounts.models.membership import Membership
from accounts.models.organisation import Organisation
from accounts.models.refusal import Refusal
from accounts.models.user import User
from accounts.models.webhook_delivery import WebhookDelivery
from accounts.models.webhook_endpoint import WebhookEndpoint

__all__ = [
    "APIKey",
    "AuditEntry",
    "IdempotencyRecord",
    "Invitation",
    "Membership",
    "Organisation",
    "Refusal",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
]
