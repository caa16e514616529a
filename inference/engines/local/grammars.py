"""Grammars that hold a choice to a form, token by token: compiled once, kept while in use.

`Grammars.compile` is called from worker threads, never from the step loop; whoever asks for what
cannot be enforced gets InvalidGeneration before anything is generated.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from inference.engines.base import InvalidGeneration
from inference.engines.local import grammar_compiler
from inference.engines.local.grammar_compiler import TokenizerText, name_of
from inference.engines.local.grammar_trials import Trial
from inference.engines.local.json_schemas import json_rule

AT_ONCE = 2
KEPT = 64
MAX_BYTES = 1 << 20

_REASONS = {
    "NoExtension": "no value can satisfy it",
    "Parser Error": "it is too complex",
    "parser error": "it is too complex",
    "lexer error": "it is too complex",
    "fuel exhausted": "it is too complex",
    "regex parse error": "a pattern is not a regular expression, or of a kind not supported here",
}


def json_grammar(schema: Mapping[str, Any] | None, param: str) -> str:
    """One JSON value as `schema` says; None: any object.

    Written as `json.dumps` does, so whitespace is never endless. Raises InvalidGeneration.
    """
    return f"start: {json_rule(schema, param)}"


class Matcher:
    """Where one choice stands in its grammar; the step loop's alone, as is `inner`."""

    __slots__ = ("grammar", "inner")

    def __init__(self, grammar: "Grammar", inner: LLMatcher) -> None:
        self.grammar = grammar
        self.inner = inner

    @property
    def ended(self) -> bool:
        """Nothing may follow."""
        return self.inner.is_stopped()

    @property
    def failed(self) -> bool:
        """A limit of the compiler was hit on the way; then the grammar is not used again."""
        self.grammar.spoiled |= (failed := self.inner.is_error())
        return failed


class Grammar:
    """Its matchers share what they learn of it, so the second costs less than the first."""

    def __init__(self, compiled: LLMatcher) -> None:
        self._compiled = compiled
        self.spoiled = False

    def matcher(self) -> Matcher:
        return Matcher(self, self._compiled.deep_copy())


class Grammars:
    """One per engine. Processes start with `start`, or with the first grammar."""

    def __init__(self, tokenizer: TokenizerText, pieces: Sequence[bytes]) -> None:
        """`pieces` are the bytes of every token, empty where it is no text."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Grammar | str] = OrderedDict()  # or why there is none
        self._trials: SimpleQueue[Trial] = SimpleQueue()
        self._tokenizer = _loaded(tokenizer, pieces)
        if self._tokenizer is None:
            return
        for _ in range(AT_ONCE):
            self._trials.put(Trial(tokenizer))

    def start(self) -> None:
        for _ in range(self._trials.qsize()):
            trial = self._trials.get()
            trial.start()
            self._trials.put(trial)

    def close(self) -> None:
        while not self._trials.empty():
            self._trials.get().close()

    def compile(self, grammar: str, param: str) -> Grammar:
        """Takes milliseconds, some seconds on a busy machine.

        Raises InvalidGeneration: it cannot be used; EngineOverloaded: there is no time for it now.
        """
        if self._tokenizer is None:
            raise InvalidGeneration("This model's answers cannot be held to a form.", param)
        if len(grammar) > MAX_BYTES:
            raise InvalidGeneration("The schemas are too large together.", param)
        with self._lock:
            found = self._kept.get(grammar)
        if found is None or (isinstance(found, Grammar) and found.spoiled):
            found = self._compile(self._tokenizer, grammar)
        self._keep(grammar, found)
        if isinstance(found, str):
            raise InvalidGeneration(f"This JSON schema cannot be enforced: {found}.", param)
        return found

    def _compile(self, tokenizer: LLTokenizer, grammar: str) -> Grammar | str:
        trial = self._trials.get()
        try:
            fault = trial.fault(grammar)
        finally:
            self._trials.put(trial)
        if fault:
            return _reason(fault)
        compiled = grammar_compiler.compile_grammar(tokenizer, grammar)
        return _reason(compiled.get_error()) if compiled.is_error() else Grammar(compiled)

    def _keep(self, grammar: str, found: Grammar | str) -> None:
        with self._lock:
            self._kept[grammar] = found
            self._kept.move_to_end(grammar)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _loaded(text: TokenizerText, pieces: Sequence[bytes]) -> LLTokenizer | None:
    """None where it is read in another way than ours: such a model serves free text alone."""
    try:
        tokenizer = text.load()
    except ValueError:
        return None
    differing = (
        token
        for token, piece in enumerate(pieces)
        if piece
        and piece != b"\xff"
        and tokenizer.decode_bytes([token]) not in {piece, name_of(token).encode()}
    )  # 0xff marks special tokens there; it is no text in UTF-8
    return None if next(differing, None) is not None else tokenizer


def _reason(error: str) -> str:
    """The compiler's error in a few words, without where in the grammar's text it is."""
    for sign, reason in _REASONS.items():
        if sign in error:
            return reason
    first = error.rpartition("failed to compile JSON schema: ")[2].splitlines()[0]
    return first.partition(". ")[0][:200].rstrip(".:")
