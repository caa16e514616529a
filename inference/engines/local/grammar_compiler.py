"""Compiles grammars, within limits, and tries them before anybody relies on them.

Some schemas keep the compiler busy for minutes, or take all memory, and no thread can be ended
inside it: this is called where the process may be (`grammar_process.py`).
"""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

WALK_TOKENS = 24

# Per token, a tenth of a second at the very most; per grammar, some tens of megabytes.
_LIMITS = LLParserLimits(
    initial_lexer_fuel=500_000,
    step_lexer_fuel=100_000,
    step_max_items=30_000,
    max_lexer_states=50_000,
    max_grammar_size=200_000,
    verbose_errors=False,
)
_REASONS = {
    "NoExtension": "no value can satisfy it",
    "Parser Error": "it is too complex",
    "parser error": "it is too complex",
    "lexer error": "it is too complex",
    "fuel exhausted": "it is too complex",
    "regex parse error": "a pattern is not a regular expression, or of a kind not supported here",
}
_ALLOWED = 200  # among the biases that llguidance gives tokens
_FORBIDDEN = bytes(bias != _ALLOWED for bias in range(256))


class CannotHold(Exception):
    """This grammar cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class TokenizerText:
    """A tokenizer as its JSON text, the model's number of tokens, and those that end an answer."""

    text: str
    size: int
    ends: tuple[int, ...]

    @classmethod
    def of(cls, text: str, size: int, ends: Iterable[int]) -> "TokenizerText":
        """Special tokens get names that no answer has, so that one that a schema spells out is
        written in letters."""
        tokenizer = json.loads(text)
        added = [token for token in tokenizer["added_tokens"] if _is_mark(token)]
        names = {token["content"]: name_of(token["id"]) for token in added}
        for token in added:
            token["content"], token["special"] = names[token["content"]], True
        model = tokenizer["model"]
        words = model["vocab"]
        model["vocab"] = (
            {names.get(word, word): id_ for word, id_ in words.items()}
            if isinstance(words, dict)
            else [[names.get(word, word), score] for word, score in words]
        )
        model["unk_token"] = names.get(model.get("unk_token"), model.get("unk_token"))
        tokenizer["post_processor"] = None  # names them, too, and only makes prompts
        return cls(json.dumps(tokenizer), size, tuple(sorted(ends)))

    def load(self) -> LLTokenizer:
        """Raises ValueError when llguidance cannot read it."""
        return LLTokenizer(self.text, n_vocab=self.size, eos_token=list(self.ends) or None)


def name_of(mark: int) -> str:
    return f"\0{mark}"


def _is_mark(token: Mapping[str, Any]) -> bool:
    """llguidance takes every added token of this look for a special one (Qwen's `<tool_call>`)."""
    content: str = token["content"]
    return token["special"] or (content.startswith("<") and content.endswith(">"))


def compile_grammar(tokenizer: LLTokenizer, grammar: str) -> LLMatcher:
    """A matcher that stands at the beginning; copies of it know what some tokens' walk has shown.

    Raises CannotHold.
    """
    matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=_LIMITS)
    walking = matcher.deep_copy()
    _walk(walking)
    if error := walking.get_error():
        raise CannotHold(_reason(error))
    return matcher


def forbidden(matcher: LLMatcher) -> bytes:
    """For every token a one if it may not come next, else a zero."""
    return matcher.compute_logit_bias().translate(_FORBIDDEN)


def _walk(matcher: LLMatcher) -> None:
    chance = random.Random(0)  # noqa: S311 - any way through the grammar will do
    for _ in range(WALK_TOKENS):
        if matcher.is_stopped():  # or an error
            return
        none = forbidden(matcher)
        if not matcher.is_error():
            start = chance.randrange(len(none))
            token = none.find(0, start)
            matcher.consume_token(none.find(0) if token < 0 else token)


def _reason(error: str) -> str:
    """The compiler's error in a few words, without where in the grammar's text it is."""
    for sign, reason in _REASONS.items():
        if sign in error:
            return reason
    first = error.rpartition("failed to compile JSON schema: ")[2].splitlines()[0]
    return first.partition(". ")[0][:200].rstrip(".:")
