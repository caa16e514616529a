"""Mails about money, to those of an organisation who look after it."""

import logging
from collections.abc import Mapping
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import translation

from accounts.models import Membership, Organisation

log = logging.getLogger(__name__)
_TOLD: Final = (Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.BILLING)


def send(organisation: Organisation, name: str, facts: Mapping[str, object]) -> None:
    """The templates `emails/<name>_subject.txt` and `_message.txt`; one mail each, in its reader's
    language, so that nobody sees the others' addresses."""
    told = {**facts, "organisation": organisation, "site": settings.SITE_URL}
    members = Membership.objects.for_organisation(organisation.id).filter(role__in=_TOLD)
    for member in members.filter(user__is_active=True).select_related("user"):
        with translation.override(member.user.reads):
            subject = " ".join(render_to_string(f"emails/{name}_subject.txt", told).split())
            body = render_to_string(f"emails/{name}_message.txt", told)
        try:
            EmailMessage(subject, body, to=[member.user.email]).send()
        except (SMTPException, OSError):  # the others are told all the same
            log.exception("mail not sent", extra={"mail": name, "user": member.user_id})
