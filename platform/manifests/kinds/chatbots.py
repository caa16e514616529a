"""Chatbot: its title, its draft's configuration, and whether that is published."""

from django.db.models import QuerySet
from pydantic import Field

from accounts.actor import Actor
from chatbots import making, versions
from chatbots.author import Author
from chatbots.configuration import Configuration
from chatbots.models import Chatbot
from chatbots.schemas.resources import Title
from inference.schemas.fields import Strict
from manifests.kind import Asked, Kind, Made, Spec


class ChatbotSpec(Strict):
    title: Title | None = None
    publish: bool = True
    configuration: Configuration = Field(default_factory=Configuration)


class Chatbots(Kind[Chatbot]):
    name = "Chatbot"
    about = "A chatbot: draft and title; published unless `publish` is false."
    example = (
        "support",
        {
            "title": "Support",
            "configuration": {
                "system_prompt": "You answer questions of our customers. Be brief.",
                "welcome": "Hello! How can I help?",
                "temperature": 0.3,
                "allowed_origins": ["https://shop.example"],
                "budget": {"day_usd": "1.00"},
            },
        },
    )
    scopes = ("chatbots:write",)
    checks = ChatbotSpec

    def rows(self, actor: Actor) -> QuerySet[Chatbot]:
        mine = Chatbot.objects.all().for_organisation(actor.caller.organisation_id)
        return mine.select_related("live")

    def spec(self, row: Chatbot) -> Spec:
        configuration = Configuration.model_validate(row.draft).stored()
        return {"title": row.title, "publish": not row.differs, "configuration": configuration}

    def status(self, row: Chatbot) -> Spec:
        return {
            "id": row.id, "live_version": row.live.number if row.live else None,
            "paused": row.paused_at is not None, "publishable_key": row.publishable_text,
        }  # fmt: skip

    def news(self, row: Chatbot, fields: Spec) -> Spec:
        return {"publish": True, **fields}  # what was changed elsewhere is published too

    def write(self, asked: Asked[Chatbot]) -> Made[Chatbot]:
        author, row = Author.of(asked.actor), asked.row
        title, configuration = asked.fields.get("title"), asked.fields.get("configuration")
        if row is None:
            name, mine = asked.manifest.name, asked.actor.caller.organisation_id
            row = making.create(mine, author, name, title or "", configuration)
        else:
            row = making.change(row, title=title, configuration=configuration)
        if asked.fields.get("publish", True) and row.differs:
            versions.publish(row, author, "Applied from a manifest")
            row = making.find(row.organisation_id, row.name)
        return Made(row)

    def delete(self, actor: Actor, row: Chatbot) -> None:
        making.delete(row, Author.of(actor))
