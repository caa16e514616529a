"""KnowledgeFile: a file by its name, and the chatbots that answer from it.

Its content is `text`, or `content` in base64; the command line writes that for `contentFrom`. A
described file has its SHA-256 only, which applied again changes nothing.
"""

import base64
import binascii
import hashlib
import io
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers

from accounts.actor import Actor
from accounts.serializers import StrictSerializer
from api.errors import NotFound
from chatbots import files as attachments
from chatbots import making
from chatbots.models import Chatbot
from files import receiving, storage
from files.models import StoredFile
from manifests.kind import Asked, Kind, Made, Spec


class KnowledgeFileSpecSerializer(StrictSerializer):
    text = serializers.CharField(required=False, trim_whitespace=False, help_text="As it is.")
    content = serializers.CharField(required=False, help_text="Base64.")
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)
    chatbots = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=200, required=False
    )

    def validate_content(self, content: str) -> bytes:
        try:
            return base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise serializers.ValidationError("This is no base64.") from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.keys() >= {"text", "content"}:
            raise serializers.ValidationError({"content": "Give text or content, not both."})
        content = attrs.pop("text").encode() if "text" in attrs else attrs.pop("content", None)
        if content is not None:
            attrs |= {"content": content, "sha256": hashlib.sha256(content).hexdigest()}
        return attrs


class KnowledgeFiles(Kind[StoredFile]):
    name = "KnowledgeFile"
    about = "A file that chatbots answer from; write contentFrom: FILE to take it from beside."
    example = (
        "opening-hours.md", {"text": "We are open from 9 to 17.\n", "chatbots": ["support"]},
    )  # fmt: skip
    scopes = ("files:write", "chatbots:write")
    checks = KnowledgeFileSpecSerializer
    named = "filename"
    merges = False

    def rows(self, actor: Actor) -> QuerySet[StoredFile]:
        """The newest of each name."""
        mine = StoredFile.objects.filter(organisation_id=actor.caller.organisation_id)
        files = mine.filter(purpose=StoredFile.Purpose.ASSISTANTS)
        return files.order_by("filename", "-created_at").distinct("filename")

    def spec(self, row: StoredFile) -> Spec:
        names = [bot.name for bot in attachments.answering_from(row)]
        return {"sha256": row.sha256, "chatbots": names}

    def status(self, row: StoredFile) -> Spec:
        return {"id": row.id, "bytes": row.size}

    def write(self, asked: Asked[StoredFile]) -> Made[StoredFile]:
        row = asked.row
        bots = attachments.answering_from(row) if row else []
        if "chatbots" in asked.fields:
            bots = [_bot(asked, at, name) for at, name in enumerate(asked.fields["chatbots"])]
        if "sha256" in asked.fields or row is None:
            row = self._replaced(asked)
        attachments.let_answer(row, bots)
        return Made(row)

    def _replaced(self, asked: Asked[StoredFile]) -> StoredFile:
        content, name = asked.fields.get("content"), asked.manifest.name
        if content is None:
            raise asked.manifest.wrong(
                "Give its text, its content in base64, or contentFrom: a file."
            )
        incoming = receiving.Incoming(
            io.BytesIO(content), name, len(content), StoredFile.Purpose.ASSISTANTS
        )
        made = receiving.receive(asked.actor.caller.organisation_id, incoming)
        asked.undo.callback(storage.remove, made.storage_name)
        if asked.row is not None:
            self.delete(asked.actor, asked.row)
        return made

    def delete(self, actor: Actor, row: StoredFile) -> None:
        attachments.let_answer(row, [])
        transaction.on_commit(partial(receiving.forget, row))


def _bot(asked: Asked[StoredFile], at: int, name: str) -> Chatbot:
    try:
        return making.find(asked.actor.caller.organisation_id, name)
    except NotFound as error:
        raise asked.manifest.wrong(error.message, "chatbots", at) from error
