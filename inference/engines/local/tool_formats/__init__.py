"""How models see tools and write calls: found in their templates, rendered, enforced, parsed."""

from inference.engines.local.tool_formats.formats import ToolFormat, format_of
from inference.engines.local.tool_formats.grammar import grammar_for
from inference.engines.local.tool_formats.parser import ToolParser, parser_for
from inference.engines.local.tool_formats.rendering import rendered_chat, rendered_tools

__all__ = [
    "ToolFormat",
    "ToolParser",
    "format_of",
    "grammar_for",
    "parser_for",
    "rendered_chat",
    "rendered_tools",
]
