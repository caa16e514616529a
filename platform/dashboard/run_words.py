"""What one generation was asked and answered, where it is kept and the reader may see it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from billing.models import Hold
from chatbots.models import Conversation, Message, Version
from inference.models import Response, StoredCompletion

_OF_RESPONSES: Final = (
    "temperature", "top_p", "max_output_tokens", "tool_choice", "tools", "text", "reasoning",
    "truncation", "metadata", "previous_response_id", "instructions",
)  # fmt: skip
_OF_CHATBOTS: Final = (
    "model", "temperature", "top_p", "max_output_tokens", "stop", "response_format", "knowledge",
    "system_prompt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """Of a tool, by the model; `arguments` as it wrote them."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Kept:
    """In the API's own words; `sources` are those that the answer names."""

    settings: Mapping[str, Any]
    asked: Any
    answered: Any
    calls: Sequence[Call] = ()
    sources: Sequence[Mapping[str, Any]] = ()
    conversation: Conversation | None = None

    def texts(self) -> list[tuple[str, str]]:
        parts = [(_("Settings"), self.settings), (_("Asked"), self.asked)]
        parts.append((_("Answered"), self.answered))
        return [(name, _text(part)) for name, part in parts if part]


def of(hold: Hold, scopes: Collection[str]) -> Kept | None:
    digits = hold.id.removeprefix("gen_")
    if hold.chatbot_id and "chatbots:read" in scopes:
        return _of_chatbot(hold, f"resp_{digits}")
    if "inference" not in scopes:
        return None
    return _of_response(hold, f"resp_{digits}") or _of_completion(hold, f"chatcmpl-{digits}")


def _of_chatbot(hold: Hold, response_id: str) -> Kept | None:
    """With the settings of the version that answered; a draft is gone with its next change."""
    mine = Message.objects.filter(organisation_id=hold.organisation_id, response_id=response_id)
    said = {one.role: one for one in mine.select_related("conversation__chatbot").defer("words")}
    answer, question = said.get(Message.Role.ASSISTANT), said.get(Message.Role.USER)
    if answer is None or question is None:
        return None
    versions = Version.objects.filter(
        chatbot=answer.conversation.chatbot_id, number=answer.version or 0
    )
    version = versions.first()
    known = version.configuration if version else {}
    return Kept(
        settings={name: known[name] for name in _OF_CHATBOTS if known.get(name) not in (None, [])},
        asked=question.text,
        answered=answer.text,
        calls=_calls((answer.body or {}).get("output", [])),
        sources=answer.sources,
        conversation=answer.conversation,
    )


def _of_response(hold: Hold, response_id: str) -> Kept | None:
    found = Response.objects.for_organisation(hold.organisation_id).filter(pk=response_id).first()
    if found is None:
        return None
    body = found.body
    asked = {name: body[name] for name in _OF_RESPONSES if body.get(name) is not None}
    output = body.get("output", [])
    return Kept(asked, found.input, output, calls=_calls(output))


def _of_completion(hold: Hold, completion_id: str) -> Kept | None:
    mine = StoredCompletion.objects.for_organisation(hold.organisation_id)
    found = mine.filter(pk=completion_id).first()
    if found is None:
        return None
    choices = found.answer.get("choices", [])
    called = [
        tool["function"]
        for choice in choices
        for tool in choice.get("message", {}).get("tool_calls") or ()
        if "function" in tool
    ]
    calls = [Call(one["name"], one["arguments"]) for one in called]
    return Kept(found.settings, found.messages, choices, calls=calls)


def _calls(output: Sequence[Mapping[str, Any]]) -> list[Call]:
    """Items of a response that call something."""
    return [
        Call(item["name"], item.get("arguments") or item.get("input") or "")
        for item in output
        if item.get("type") in {"function_call", "custom_tool_call"}
    ]


def _text(part: Any) -> str:
    return part if isinstance(part, str) else json.dumps(part, indent=2, ensure_ascii=False)
