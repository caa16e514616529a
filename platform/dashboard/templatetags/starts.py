"""What a new chatbot or a new team begins with, for pages that offer it."""

from django import template
from django.utils.functional import Promise

from dashboard import starter
from dashboard.chatbot_forms import TEMPLATE_NAMES

register = template.Library()


@register.simple_tag
def chatbot_starts() -> list[tuple[str, str | Promise, str | Promise]]:
    """(key, name, a few words about it)."""
    return [(key, name, about) for key, (name, about) in TEMPLATE_NAMES.items()]


@register.simple_tag
def starter_answers() -> int | None:
    """About how many short answers a new team's credit pays for, where that can be told."""
    found = starter.promised()
    return found.answers if found else None
