"""KnowledgeFile: a file by its name, and the chatbots that answer from it.

Its content is `text`, or `content` in base64; the command line writes that for `contentFrom`. A
described file has its SHA-256 only, which applied again changes nothing.
"""

import base64
import binascii
import hashlib
import io
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from accounts.actor import Actor
from accounts.serializers import StrictSerializer
from chatbots import files as attachments
from chatbots import making
from chatbots.models import Chatbot
from files import receiving
from files.models import StoredFile
from knowledge.models import StoreFile
from manifests.kinds import schemas
from manifests.kinds.base import Kind, Made, checked
from manifests.reading import Manifest

PURPOSE = "assistants"


class KnowledgeFileSpecSerializer(StrictSerializer):
    text = serializers.CharField(required=False, trim_whitespace=False, help_text="As it is.")
    content = serializers.CharField(required=False, help_text="Base64.")
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)
    chatbots = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=200, required=False
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs.keys() & {"text", "content"}) > 1:
            raise serializers.ValidationError({"content": "Give text or content, not both."})
        return attrs

    def validate_content(self, content: str) -> bytes:
        try:
            return base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise serializers.ValidationError("This is no base64.") from error


@dataclass(frozen=True, slots=True)
class Row:
    """A file and the names of its chatbots; in a dry run the file is not kept."""

    id: str
    sha256: str
    size: int
    chatbots: tuple[str, ...]
    stored: StoredFile | None


def _find(actor: Actor, name: str) -> Row | None:
    stored = _mine(actor).filter(filename=name).order_by("-created_at").first()
    return None if stored is None else _row(stored)


def _write(actor: Actor, row: Row | None, manifest: Manifest) -> Made:
    given = checked(manifest, KnowledgeFileSpecSerializer, dict(manifest.spec))
    content = given["text"].encode() if "text" in given else given.get("content")
    sha256 = given.get("sha256") if content is None else hashlib.sha256(content).hexdigest()
    if content is None and (row is None or sha256 not in {None, row.sha256}):
        raise manifest.wrong("Give its text, its content in base64, or contentFrom: a file.")
    wanted = given.get("chatbots", list(row.chatbots) if row else [])
    bots = [making.find(actor.caller.organisation_id, name) for name in wanted]
    if manifest.dry_run:
        size = len(content) if content is not None else row.size if row else 0
        return Made(Row("", str(sha256), size, tuple(sorted(wanted)), None))
    stored = row.stored if row else None
    if content is not None and (row is None or sha256 != row.sha256):
        stored = _stored(actor, manifest.name, content)
        if row and row.stored:
            _detach(row.stored, keep=())
            receiving.forget(row.stored)
    assert stored is not None  # noqa: S101 - a row outside of a dry run has its file
    _attach(stored, bots)
    return Made(_row(stored))


def _stored(actor: Actor, name: str, content: bytes) -> StoredFile:
    incoming = receiving.Incoming(io.BytesIO(content), name, len(content), PURPOSE)
    return receiving.receive(actor.caller.organisation_id, incoming)


def _attach(stored: StoredFile, bots: list[Chatbot]) -> None:
    _detach(stored, keep=tuple(bot.id for bot in bots))
    attached = {each.id for each in _bots(stored)}
    for bot in bots:
        if bot.id not in attached:
            attachments.attach(bot, stored.id)


def _detach(stored: StoredFile, keep: tuple[str, ...]) -> None:
    for bot in _bots(stored):
        if bot.id not in keep:
            attachments.detach(bot, stored.id)


def _bots(stored: StoredFile) -> list[Chatbot]:
    in_stores = StoreFile.objects.filter(file_id=stored.id).values_list("store_id", flat=True)
    mine = Chatbot.objects.all().for_organisation(stored.organisation_id)
    return list(mine.filter(store_id__in=list(in_stores)).order_by("name"))


def _row(stored: StoredFile) -> Row:
    names = tuple(bot.name for bot in _bots(stored))
    return Row(stored.id, stored.sha256, stored.size, names, stored)


def _mine(actor: Actor) -> Any:
    mine = StoredFile.objects.filter(organisation_id=actor.caller.organisation_id)
    return mine.filter(purpose=PURPOSE)


def _delete(_actor: Actor, row: Row) -> None:
    assert row.stored is not None  # noqa: S101 - found, so it is kept
    _detach(row.stored, keep=())
    receiving.forget(row.stored)


def _require(actor: Actor) -> None:
    actor.caller.require("files:write")
    actor.caller.require("chatbots:write")


KIND = Kind(
    name="KnowledgeFile",
    rank=2,
    about="A file that chatbots answer from; write contentFrom: FILE to take it from beside.",
    example_name="opening-hours.md",
    example={"text": "We are open from 9 to 17.\n", "chatbots": ["support"]},
    schema=lambda: schemas.of(KnowledgeFileSpecSerializer),
    require=_require,
    find=_find,
    names=lambda actor: sorted(set(_mine(actor).values_list("filename", flat=True))),
    spec=lambda row: {"sha256": row.sha256, "chatbots": list(row.chatbots)},
    status=lambda row: {"id": row.id, "bytes": row.size},
    create=lambda actor, manifest: _write(actor, None, manifest),
    change=_write,
    delete=_delete,
)
