"""Names of chatbots: which are free, which are kept for old links, what changes one."""

import re
import secrets
from typing import Final

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Organisation
from api.errors import InvalidRequest
from chatbots import finding
from chatbots.author import Author
from chatbots.models import Chatbot, FormerName, former_name
from chatbots.models.chatbot import NAME

MOST_CHATBOTS: Final = 200


def called(organisation_id: str, name: str) -> Q:
    """Chatbots that are called so, or were until now: one at most."""
    before = FormerName.objects.filter(organisation_id=organisation_id, name=name)
    return Q(name=name) | Q(pk__in=before.values("chatbot_id"))


def take(organisation_id: str, name: str) -> str:
    """A name for a chatbot, and the slug of its page. Raises InvalidRequest.

    Two at once wait for each other here, so that neither passes the limit.
    """
    if not re.fullmatch(NAME, name):
        raise InvalidRequest(
            _("A chatbot's name has 1 to 64 of a-z, 0-9 and inner hyphens."), param="name"
        )
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
    mine = Chatbot.objects.all().for_organisation(organisation_id)
    if mine.filter(name=name).exists():
        raise InvalidRequest(_("Another chatbot of yours has this name."), param="name")
    FormerName.objects.filter(organisation_id=organisation_id, name=name).delete()
    return _free_slug(name)


def require_room(organisation_id: str) -> None:
    """Raises InvalidRequest."""
    if Chatbot.objects.all().for_organisation(organisation_id).count() >= MOST_CHATBOTS:
        said = _("An organisation has at most %(most)d chatbots. Delete one.")
        raise InvalidRequest(said % {"most": MOST_CHATBOTS})


@transaction.atomic
def rename(chatbot: Chatbot, author: Author, name: str) -> None:
    """In addresses and calls; those of before go on. Raises InvalidRequest."""
    rows = Chatbot.objects.all().for_organisation(chatbot.organisation_id)
    before = rows.select_for_update().get(pk=chatbot.pk)
    if name == before.name:
        return
    slug = take(chatbot.organisation_id, name)
    FormerName.objects.create(
        organisation_id=chatbot.organisation_id, chatbot=before, name=before.name, slug=before.slug
    )
    rows.filter(pk=before.pk).update(name=name, slug=slug)
    names = FormerName.objects.filter(chatbot=before)
    names.exclude(pk__in=list(names.values_list("pk", flat=True)[: former_name.MOST])).delete()
    author.record("renamed", before, {"name": before.name}, {"name": name})
    finding.forget_all()


def _free_slug(name: str) -> str:
    """What the name is, where nobody else's page is or was called so.

    Two teams that take one name at once wait for each other here.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"slug {name}"])
    taken = Chatbot.objects.filter(slug=name).exists()
    was = FormerName.objects.filter(slug=name).exists()
    return f"{name}-{secrets.token_hex(4)}" if taken or was else name
