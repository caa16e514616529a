"""What stands in columns of choices, in words: roles, kinds of keys, ways of paying, purposes."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

WORDS: Final[dict[str, str | Promise]] = {
    "owner": _("Owner"),
    "admin": _("Admin"),
    "developer": _("Developer"),
    "billing": _("Billing"),
    "analyst": _("Analyst"),
    "secret": _("Secret"),
    "publishable": _("Publishable"),
    "fake": _("Test payment: no money moved"),
    "manual": _("Credited by an administrator"),
    "credit_code": _("Credit code"),
    "stripe": _("Card payment"),
    "starter": _("Starter credit"),
    "open": _("open"),
    "paid": _("paid"),
    "expired": _("expired"),
    "failed": _("failed"),
    "refused": _("refused"),
    "user": _("Visitor"),
    "assistant": _("Chatbot"),
    "day": _("day"),
    "month": _("month"),
    "total": _("total"),
    "assistants": _("Knowledge"),
    "user_data": _("Questions about it"),
    "fine-tune": _("Fine-tuning"),
    "fine-tune-results": _("Results of fine-tuning"),
    "batch": _("Batch of requests"),
    "batch_output": _("Answers of a batch"),
    "vision": _("Pictures"),
}
