"""How a model writes its calls, read off what its own chat template makes of two of them."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from inference.engines.local.time_limit import TimeLimit, TookTooLong

if TYPE_CHECKING:  # the processes of grammars read this module, too, and it takes seconds
    from transformers import PreTrainedTokenizerFast

ID = "\0"  # stands for an id of nine letters and digits in a format's texts
TEMPLATE_SECONDS = 5.0

_NAME, _ARGUMENTS, _DESCRIPTION = "probe_tool", {"x": 1}, "A probe of the template."
_ID = "probe0001"


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """Calls are `opening` call (`between` call)* `closing`, a call is `before` name `middle`
    arguments `after`; where there are alternatives, the first is the model's own.

    An answer turns into calls where `trigger` comes, which is how they begin; if they are `bare`,
    the beginning of the answer may be one without it. Not `parallel`: one call an answer, and one
    a message.
    """

    before: tuple[str, ...]
    middle: tuple[str, ...]
    after: tuple[str, ...]
    trigger: str = ""
    opening: str = ""
    between: str = ""
    closing: str = ""
    bare: bool = False
    parallel: bool = True
    short_ids: bool = False  # the template takes ids of nine letters and digits only
    # The marks above that are one token.
    tokens: dict[str, int] = field(default_factory=dict, hash=False)


def format_of(tokenizer: "PreTrainedTokenizerFast") -> ToolFormat | None:
    """None: its template knows no tools, or writes calls in a way that is unknown here."""
    limit = TimeLimit()
    timer = threading.Timer(TEMPLATE_SECONDS, limit.expire)
    timer.start()
    try:
        return limit.run(lambda: _recognised(tokenizer))
    except TookTooLong:
        return None
    finally:
        timer.cancel()


def _recognised(tokenizer: "PreTrainedTokenizerFast") -> ToolFormat | None:
    tokens = dict(tokenizer.added_tokens_encoder)
    for calls in (2, 1):
        rendered = _rendered(tokenizer, calls)
        if _DESCRIPTION not in rendered:
            continue
        for family in _FAMILIES:
            if found := family(rendered, calls > 1, tokens):
                return found
    return None


def _rendered(tokenizer: "PreTrainedTokenizerFast", calls: int) -> str:
    """Two calls of one message, as text; nothing if the template takes no such messages."""
    if not tokenizer.chat_template:
        return ""
    parameters = {"type": "object", "properties": {"x": {"type": "integer"}}}
    tool = {"name": _NAME, "description": _DESCRIPTION, "parameters": parameters}
    function = {"name": _NAME, "arguments": _ARGUMENTS}
    call = {"id": _ID, "type": "function", "function": function}
    chat = [
        {"role": "user", "content": "probe"},
        {"role": "assistant", "content": "", "tool_calls": [call] * calls},
    ]
    try:
        text = tokenizer.apply_chat_template(
            chat,  # type: ignore[arg-type]  # transformers says that messages hold only texts
            tools=[{"type": "function", "function": tool}],
            tokenize=False,
        )
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError):
        return ""
    return str(text)


def _hermes(rendered: str, parallel: bool, tokens: dict[str, int]) -> ToolFormat | None:
    """Hermes, Qwen, and the built-in model: every call in tags of its own."""
    opening, closing = "<tool_call>", "</tool_call>"
    call = rf'(\s*)\{{"name": "{_NAME}", "arguments": \{{"x": 1\}}\}}(\s*){closing}'
    found = re.search(rf"{opening}{call}(?:(\s*){opening})?", rendered)
    if not found:
        return None
    return ToolFormat(
        before=(f'{opening}{found[1]}{{"name": "',),
        middle=('", "arguments": ',),
        after=(f"}}{found[2]}{closing}",),
        between=found[3] or "",
        trigger=opening,
        parallel=parallel,
        tokens=_own(tokens, opening, closing),
    )


def _mistral_list(rendered: str, parallel: bool, tokens: dict[str, int]) -> ToolFormat | None:
    """Mistral until 2024: one JSON list of all calls."""
    call = rf'\{{"name": "{_NAME}", "arguments": \{{"x": 1\}}(?:, "id": "{_ID}")?\}}'
    found = re.search(rf"\[TOOL_CALLS\](\s*)\[{call}", rendered)
    if not found:
        return None
    return ToolFormat(
        before=('{"name": "',),
        middle=('", "arguments": ',),
        after=("}", f', "id": "{ID}"}}'),
        opening=f"[TOOL_CALLS]{found[1]}[",
        between=", ",
        closing="]",
        trigger="[TOOL_CALLS]",
        parallel=parallel,
        short_ids=True,
        tokens=_own(tokens, "[TOOL_CALLS]"),
    )


def _mistral_arguments(rendered: str, parallel: bool, tokens: dict[str, int]) -> ToolFormat | None:
    """Mistral since 2025: a name, then its arguments, without any JSON around them."""
    middle = rf"(?:\[CALL_ID\]{_ID})?\[ARGS\]"
    found = re.search(rf'\[TOOL_CALLS\]{_NAME}({middle})\{{"x": 1\}}', rendered)
    if not found:
        return None
    middles = ("[ARGS]", f"[CALL_ID]{ID}[ARGS]")
    return ToolFormat(
        before=("[TOOL_CALLS]",),
        middle=middles[::-1] if "[CALL_ID]" in found[1] else middles[:1],
        after=("",),
        trigger="[TOOL_CALLS]",
        parallel=parallel,
        short_ids=True,
        tokens=_own(tokens, "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"),
    )


def _llama(rendered: str, parallel: bool, tokens: dict[str, int]) -> ToolFormat | None:
    """Llama 3.1 to 3.3: the whole answer is one JSON object; a tag may come before it."""
    if not re.search(rf'\{{"name": "{_NAME}", "parameters": \{{"x": 1\}}\}}', rendered):
        return None
    tag = "<|python_tag|>"
    return ToolFormat(
        before=('{"name": "', '{"type": "function", "name": "'),
        middle=('", "parameters": ',),
        after=("}",),
        trigger=tag if tag in tokens else "",
        bare=True,
        parallel=False,
        tokens=_own(tokens, tag),
    )


def _own(tokens: dict[str, int], *marks: str) -> dict[str, int]:
    return {mark: tokens[mark] for mark in marks if mark in tokens}


_FAMILIES: tuple[Callable[[str, bool, dict[str, int]], ToolFormat | None], ...] = (
    _hermes,
    _mistral_list,
    _mistral_arguments,
    _llama,
)
