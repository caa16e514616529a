"""Sixteen-pixel line drawings, named for what they stand for."""

from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

PATHS: Final[dict[str, str]] = {
    "overview": "M2 12a6 6 0 0 1 12 0M8 12l3-4.5",
    "chatbots": "M8 1.7l5.5 3.15v6.3L8 14.3l-5.5-3.15v-6.3zM5.5 7h5M5.5 9.5h3",
    "conversations": "M2 9l2-6h8l2 6v4H2zM2 9h3.5l1 2h3l1-2H14",
    "files": "M4 1.5h5l3 3v10H4zM9 1.5v3h3",
    "models": "M4 4h8v8H4zM6.5 1.5V4M9.5 1.5V4M6.5 12v2.5M9.5 12v2.5M1.5 6.5H4M1.5 9.5H4"
    "M12 6.5h2.5M12 9.5h2.5",
    "keyboard": "M1.5 4h13v8h-13zM4 6.5h1M7.5 6.5h1M11 6.5h1M5 9.5h6",
    "keys": "M8.5 7.5l5.5-5.5M11.5 4.5l2 2M9 10.5a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0z",
    "usage": "M2 14h12M4 14V8M8 14V3M12 14V6",
    "requests": "M2.5 3.5h11M2.5 8h7M2.5 12.5h9",
    "billing": "M3 1.5h10v13l-2-1.3-1.5 1.3L8 13.2l-1.5 1.3L5 13.2l-2 1.3zM5.5 5h5M5.5 8h5",
    "team": "M8.5 5.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM1.5 14c0-3 2-4.5 4.5-4.5s4.5 1.5 4.5 "
    "4.5M11 3.2a2.5 2.5 0 0 1 0 4.6M12.5 10c1.3.6 2 2 2 4",
    "webhooks": "M6.5 9.5l3-3M7.5 4.5l1.3-1.3a2.6 2.6 0 0 1 3.7 3.7l-1.3 1.3"
    "M8.5 11.5l-1.3 1.3a2.6 2.6 0 0 1-3.7-3.7l1.3-1.3",
    "audit": "M3.5 1.5h9v13h-9zM6 5h4M6 8h4M6 11h2",
    "docs": "M8 3.5C6.5 2.3 4 2 2 2.2v10.5c2-.2 4.5.1 6 1.3 1.5-1.2 4-1.5 6-1.3V2.2c-2-.2-4.5.1-6 "
    "1.3zM8 3.5V14",
    "more": "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
    "find": "M11 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM10 10l3.5 3.5",
    "filter": "M2 4.5h12M4.5 8h7M7 11.5h2",
    "plus": "M8 3v10M3 8h10",
    "copy": "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
    "theme": "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
    "down": "M4 6.5l4 4 4-4",
    "person": "M10.5 5.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM3 14c0-3 2-4.5 5-4.5s5 1.5 5 4.5",
    "status": "M1.5 8h3l2-4.5 3 9 2-4.5h3",
    "flag": "M4 14.5V2h8l-2 3 2 3H4",
    "dots": "M3.5 8h.01M8 8h.01M12.5 8h.01",
    "pause": "M5.5 3v10M10.5 3v10",
    "resume": "M5 3l7.5 5L5 13z",
    "upload": "M8 11V2.5M4.5 6L8 2.5 11.5 6M2.5 11v2.5h11V11",
}


def icon(name: str) -> SafeString:
    """Decoration beside a word; a button without one names itself in `aria-label`."""
    return _DRAWN[name]


MARK: Final = mark_safe(
    '<svg viewBox="0 0 28 28" stroke-width="2" stroke-linejoin="round" stroke-linecap="round" '
    'aria-hidden="true"><path d="M14 3.5l9.1 5.25v10.5L14 24.5l-9.1-5.25V8.75z"/>'
    '<path class="needle" stroke-width="2.5" d="M14 14l5-5"/></svg>'
)
_DRAWN: Final = {
    name: format_html(
        '<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>', path
    )
    for name, path in PATHS.items()
}
