"""What a new chatbot can begin with, for pages that offer it."""

from django import template
from django.utils.functional import Promise

from dashboard.chatbot_forms import TEMPLATE_NAMES

register = template.Library()


@register.simple_tag
def chatbot_starts() -> list[tuple[str, str | Promise, str | Promise]]:
    """(key, name, a few words about it)."""
    return [(key, name, about) for key, (name, about) in TEMPLATE_NAMES.items()]
