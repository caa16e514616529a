"""Chatbots, versions, conversations and messages as the API shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from billing.pricing import usd
from chatbots.configuration import Configuration
from chatbots.models import Chatbot, Conversation, Message, Version, Visitor
from chatbots.states import Spent, spent, state_of
from knowledge.models import StoreFile


def chatbots(rows: Sequence[Chatbot]) -> list[dict[str, Any]]:
    known = spent(rows)
    return [_chatbot(row, known.get(row.id, Spent())) for row in rows]


def chatbot(row: Chatbot) -> dict[str, Any]:
    return chatbots([row])[0]


def _chatbot(row: Chatbot, so_far: Spent) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "chatbot",
        "name": row.name,
        "title": row.title,
        "slug": row.slug,
        "state": state_of(row, so_far),
        "live_version": row.live.number if row.live else None,
        "draft_differs": row.differs,
        "configuration": Configuration.model_validate(row.draft).stored(),
        "publishable_key": row.publishable_text,
        "spent_today": usd(so_far.day),
        "spent_this_month": usd(so_far.month),
        "created_at": epoch(row.created_at),
        "draft_changed_at": epoch(row.draft_changed_at),
    }


def version(row: Version, live_id: int | None) -> dict[str, Any]:
    return {
        "id": str(row.number),
        "object": "chatbot.version",
        "number": row.number,
        "is_live": row.pk == live_id,
        "author": row.author,
        "note": row.note,
        "configuration": row.configuration,
        "created_at": epoch(row.created_at),
    }


def file(row: StoreFile) -> dict[str, Any]:
    return {
        "id": row.file_id,
        "object": "chatbot.file",
        "filename": row.file.filename,
        "status": row.status,
        "error": row.error_message or None,
        "usage_bytes": row.usage_bytes,
        "created_at": epoch(row.created_at),
    }


def conversation(row: Conversation) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "chatbot.conversation",
        "visitor": row.visitor_id,
        "origin": row.origin,
        "locale": row.locale,
        "page": row.page,
        "metadata": row.metadata,
        "preview": row.is_preview,
        "flagged": row.flagged,
        "note": row.note,
        "messages": row.messages_count,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "cost": usd(row.cost_nano),
        "created_at": epoch(row.created_at),
        "last_message_at": epoch(row.last_message_at),
    }


def message(row: Message) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "chatbot.message",
        "role": row.role,
        "text": row.text,
        "status": row.status,
        "response_id": row.response_id or None,
        "version": row.version,
        "model": row.model or None,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "cost": usd(row.cost_nano),
        "first_token_ms": row.first_token_ms,
        "total_ms": row.total_ms,
        "finish_reason": row.finish_reason or None,
        "error_code": row.error_code or None,
        "sources": row.sources,
        "feedback": row.feedback,
        "feedback_comment": row.feedback_comment,
        "request_id": row.request_id,
        "created_at": epoch(row.created_at),
    }


def visitor(row: Visitor, chats: Sequence[tuple[Conversation, Sequence[Message]]]) -> Any:
    return {
        "id": row.id,
        "object": "chatbot.visitor",
        "external_id": row.external_id,
        "claims": row.claims,
        "created_at": epoch(row.created_at),
        "last_seen": epoch(row.last_seen),
        "conversations": [
            {"conversation": conversation(chat), "messages": [message(one) for one in messages]}
            for chat, messages in chats
        ],
    }


def deleted(kind: str, row_id: str, **more: object) -> Mapping[str, object]:
    return {"id": row_id, "object": f"{kind}.deleted", "deleted": True, **more}


def epoch(moment: datetime) -> int:
    return int(moment.timestamp())
