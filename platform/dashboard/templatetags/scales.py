"""How a scale is drawn: its ticks, and where a share of it lies."""

from typing import Final

from django import template

register = template.Library()
_TALL: Final = {0: 8, 50: 8, 25: 11}
_TICKS: Final = "".join(f"M{x} 18V{_TALL.get(x % 50, 14)}" for x in range(0, 201, 5))


@register.simple_tag
def ruler() -> str:
    """The ticks of a scale, 200 wide: long at halves and quarters, middling at eighths."""
    return _TICKS


@register.simple_tag
def along(share: float) -> str:
    """Where a share of the ruler lies."""
    return f"{min(max(share, 0.0), 1.0) * 200:.1f}"
