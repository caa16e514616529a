"""The chatbot that the first start makes: it answers questions about this product from its docs."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from accounts.models import AuditEntry
from chatbots import making, versions
from chatbots.author import SYSTEM
from chatbots.models import Chatbot
from files import receiving
from files.receiving import Incoming
from knowledge import adding, stores
from knowledge.schemas import Chunking, FileAdd, StaticSizes

NAME: Final = "guide"
TITLE: Final = "Smarter Guide"
CHUNKS: Final = Chunking(
    type="static", static=StaticSizes(max_chunk_size_tokens=100, chunk_overlap_tokens=0)
)
"""Small: the built-in model reads a few sentences well, and pages badly."""
CONFIGURATION: Final[dict[str, Any]] = {
    "system_prompt": "",
    "welcome": "Hello! I answer questions about this server from its own guides.",
    "suggested_prompts": [
        "How do I create an API key?",
        "What happens when the balance is empty?",
        "How do I give my chatbot knowledge?",
    ],
    "temperature": 0.0,
    "max_output_tokens": 160,
    "knowledge": {"top_k": 2, "citations": True},
    "disclosure": "You are talking to a small demo model. Its answers are often wrong.",
    "budget": {"day_usd": "0.50", "month_usd": "5.00"},
}


def ensure(organisation_id: str, pages: Sequence[Path]) -> Chatbot | None:
    """Made once: None where its owner has deleted it, or where they have a `guide` of their own."""
    made = AuditEntry.objects.filter(
        organisation_id=organisation_id, action="chatbot.created", actor=SYSTEM.id
    ).first()
    if made is None:
        _make(organisation_id, pages)
    mine = Chatbot.objects.filter(organisation_id=organisation_id)
    found: Chatbot | None = mine.filter(**({"pk": made.target} if made else {"name": NAME})).first()
    return found


@transaction.atomic
def _make(organisation_id: str, pages: Sequence[Path]) -> None:
    """The worker reads the files: nobody who starts a server waits for that."""
    if Chatbot.objects.filter(organisation_id=organisation_id, name=NAME).exists():
        return
    chatbot = making.create(organisation_id, SYSTEM, NAME, TITLE, CONFIGURATION)
    store = stores.find(organisation_id, chatbot.store_id, internal=True)
    kept = [_kept(organisation_id, page) for page in pages]
    if kept:
        wanted = [FileAdd(file_id=file_id, chunking_strategy=CHUNKS) for file_id in kept]
        adding.add(store, wanted, param="files")
    versions.publish(chatbot, SYSTEM, "Made by the first start")


def _kept(organisation_id: str, page: Path) -> str:
    content = page.read_bytes()
    incoming = Incoming(BytesIO(content), page.name, len(content), "assistants")
    return receiving.receive(organisation_id, incoming).id
