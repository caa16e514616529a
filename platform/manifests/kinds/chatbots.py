"""Chatbot: its title, its draft's configuration, and whether that is published."""

from typing import Any

from rest_framework import serializers

from accounts.actor import Actor
from accounts.serializers import StrictSerializer
from api.errors import InvalidRequest, NotFound
from chatbots import making, versions
from chatbots.author import Author
from chatbots.configuration import Configuration
from chatbots.models import Chatbot
from manifests.kinds.base import Kind, Made, Spec, checked
from manifests.reading import Manifest

NOTE = "Applied from a manifest"


class ChatbotSpecSerializer(StrictSerializer):
    title = serializers.CharField(max_length=120, required=False)
    publish = serializers.BooleanField(default=True)
    configuration = serializers.DictField(required=False)


def _find(actor: Actor, name: str) -> Chatbot | None:
    try:
        return making.find(actor.caller.organisation_id, name)
    except NotFound:
        return None


def _write(actor: Actor, row: Chatbot | None, manifest: Manifest) -> Made:
    given = checked(manifest, ChatbotSpecSerializer, dict(manifest.spec))
    title, configuration = given.get("title"), given.get("configuration", {})
    author = Author.of(actor)
    try:
        if row is None:
            row = making.create(
                actor.caller.organisation_id, author, manifest.name, title or "", configuration
            )
        else:
            row = making.change(row, title=title, configuration=configuration)
    except InvalidRequest as error:
        if error.param in {None, "name"}:
            raise
        raise manifest.wrong(
            error.message, "configuration", *str(error.param).split(".")
        ) from error
    if given["publish"] and row.differs:
        versions.publish(row, author, NOTE)
        row = making.find(row.organisation_id, row.name)
    return Made(row)


def _spec(row: Chatbot) -> Spec:
    configuration = Configuration.model_validate(row.draft).stored()
    return {"title": row.title, "publish": not row.differs, "configuration": configuration}


def _status(row: Chatbot) -> Spec:
    live = row.live.number if row.live else None
    return {
        "id": row.id, "live_version": live, "paused": row.paused_at is not None,
        "publishable_key": row.publishable_text,
    }  # fmt: skip


def _schema() -> dict[str, Any]:
    configuration = Configuration.model_json_schema()
    definitions = configuration.pop("$defs", {})
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "title": {"type": "string", "maxLength": 120},
            "publish": {"type": "boolean", "default": True},
            "configuration": configuration,
        },
        "$defs": definitions,
    }


def _names(actor: Actor) -> list[str]:
    mine = Chatbot.objects.all().for_organisation(actor.caller.organisation_id)
    return list(mine.order_by("name").values_list("name", flat=True))


KIND = Kind(
    name="Chatbot",
    rank=1,
    about="A chatbot: draft and title; published unless `publish` is false.",
    example_name="support",
    example={
        "title": "Support",
        "configuration": {
            "system_prompt": "You answer questions of our customers. Be brief.",
            "welcome": "Hello! How can I help?",
            "temperature": 0.3,
            "allowed_origins": ["https://shop.example"],
            "budget": {"day_usd": "1.00"},
        },
    },
    schema=_schema,
    require=lambda actor: actor.caller.require("chatbots:write"),
    find=_find,
    names=_names,
    spec=_spec,
    status=_status,
    create=lambda actor, manifest: _write(actor, None, manifest),
    change=_write,
    delete=lambda actor, row: making.delete(row, Author.of(actor)),
)
