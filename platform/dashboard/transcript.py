"""One conversation as it is read: its turns as harmless HTML, and what is told above them."""

from typing import Any, Final

import nh3
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_info
from markdown_it import MarkdownIt

from chatbots import transcripts
from chatbots.models import Conversation, Message
from dashboard import marks, money

MOST_MESSAGES: Final = 500
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_TAGS: Final = {
    "p", "br", "strong", "em", "ul", "ol", "li", "code", "pre", "blockquote", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


def of(conversation: Conversation) -> dict[str, Any]:
    turns = list(transcripts.messages(conversation).order_by("place")[:MOST_MESSAGES])
    waits = sorted(turn.first_token_ms for turn in turns if turn.first_token_ms is not None)
    return {
        "turns": [(turn, rendered(turn.text)) for turn in turns],
        "title": next((turn.text for turn in turns if turn.role == Message.Role.USER), ""),
        "talk_mark": marks.of(
            [(turn.pk, turn.text, turn.status, turn.feedback, turn.cost_nano) for turn in turns]
        ),
        "places": money.places(turn.cost_nano for turn in turns),
        "wait": waits[len(waits) // 2] if waits else None,
        "versions": sorted({turn.version for turn in turns if turn.version}),
        "spoken": language(conversation.locale),
        "hidden": max(conversation.messages_count - MOST_MESSAGES, 0),
    }


def language(code: str) -> str:
    """Its name in the reader's own, where it is one that we know."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


def rendered(text: str) -> SafeString:
    """Markdown of a visitor or a model: no images, no raw HTML, links that go nowhere harmful."""
    clean = nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has left only these tags, without handlers
