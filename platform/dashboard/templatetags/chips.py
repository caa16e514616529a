"""Filters of a list as links: each puts one value into the page's query, or takes it out again."""

from django import template
from django.template import Context

from dashboard.templatetags.show import with_query

register = template.Library()


@register.simple_tag(takes_context=True)
def chip(context: Context, name: str, value: str) -> dict[str, str | bool]:
    """`{% chip 'state' 'live' as it %}`: where it leads, and whether the list is narrowed by it;
    the chip of no value widens the list again."""
    is_on = context["request"].GET.get(name, "") == value
    href = with_query(context, **{name: "" if is_on else value})
    return {"href": href, "is_on": is_on}
