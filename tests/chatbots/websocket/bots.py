"""A published chatbot in the database, and what its owner may do to it."""

from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.utils import timezone
from django.utils.text import slugify

from accounts import keys, scopes
from accounts.models import APIKey, Membership, Organisation, User
from api import ids
from chatbots import finding
from chatbots.configuration import Configuration
from chatbots.models import Chatbot, Version

ORIGIN = "https://bakery.example"


@dataclass
class Bot:
    organisation_id: str
    id: str
    name: str
    key: str
    secret_key: str

    async def publish(self, **configuration: Any) -> None:
        await sync_to_async(self._publish)(configuration)

    async def change(self, **fields: Any) -> None:
        await Chatbot.objects.filter(pk=self.id).aupdate(**fields)

    async def maker(self, role: str = "developer") -> Membership:
        """A member who tries the draft."""
        user = await sync_to_async(User.objects.create_user)(f"{ids.new('maker')}@example.com")
        members = Membership.objects
        return await members.acreate(organisation_id=self.organisation_id, user=user, role=role)

    async def revoke_key(self) -> None:
        keys_of = APIKey.objects.filter(organisation_id=self.organisation_id, kind="publishable")
        await keys_of.aupdate(revoked_at=timezone.now())

    def _publish(self, configuration: dict[str, Any]) -> None:
        chosen = {"allowed_origins": [ORIGIN], "model": "scripted", **configuration}
        stored = Configuration.model_validate(chosen).stored()
        chatbot = Chatbot.objects.get(pk=self.id)
        number = Version.objects.filter(chatbot_id=self.id).count() + 1
        chatbot.draft = stored
        chatbot.live = Version.objects.create(
            organisation_id=self.organisation_id,
            chatbot_id=self.id,
            number=number,
            configuration=stored,
            author="ada",
        )
        chatbot.save()


def made(name: str = "support", organisation: str = "Ada's bakery", **configuration: Any) -> Bot:
    owner, _ = Organisation.objects.get_or_create(name=organisation, slug=slugify(organisation))
    publishable, plaintext = keys.issue(owner.id, name=name, kind="publishable")
    _, secret = keys.issue(owner.id, scopes=sorted(scopes.ALL))
    chatbot = Chatbot(
        organisation=owner,
        name=name,
        title=name.title(),
        slug=f"{name}-{owner.slug}",
        draft=Configuration().stored(),
        publishable_key=publishable,
        publishable_text=plaintext,
    )
    chatbot.secret = "the secret of the bakery's own server"
    chatbot.save()
    bot = Bot(owner.id, chatbot.pk, name, plaintext, secret)
    bot._publish(configuration)
    finding.forget_all()
    return bot
