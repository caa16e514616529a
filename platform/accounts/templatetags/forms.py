"""Fields of Django forms in our look: their class, and the focus on the first that is wrong."""

from django import template
from django.forms import BaseForm, BoundField
from django.utils.safestring import SafeString

register = template.Library()

_PLAIN = {"checkbox", "radio", "hidden"}


@register.simple_tag
def dressed(field: BoundField, *, focus: bool = False) -> SafeString:
    """The widget alone; Django itself adds what ties it to its help and its errors.

    Without a placeholder: the label says it, and stays when one types.
    """
    field.field.widget.attrs.pop("placeholder", None)
    attrs: dict[str, str | bool] = {}
    if getattr(field.field.widget, "input_type", "") not in _PLAIN:
        attrs["class"] = "input"
    if focus:
        attrs["autofocus"] = True
    return SafeString(field.as_widget(attrs=attrs))


@register.filter
def first_wrong(form: BaseForm) -> str:
    """The first visible field with an error; empty where the form as a whole has one."""
    if form.non_field_errors():
        return ""
    return next((field.name for field in form.visible_fields() if field.errors), "")
