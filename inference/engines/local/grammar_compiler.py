"""Compiles grammars, and is the process that tries each before the engine does.

No thread can be ended inside the compiler, and some schemas keep it busy for minutes or take all
memory. So a grammar first goes to a process that may be killed: `python -m` this module. It reads
frames from its input (a length of four bytes, then the text), first the tokenizer, then grammars;
to each it answers with a frame, empty if all is well.
"""

import json
import os
import random
import resource
import signal
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

LENGTH = struct.Struct(">I")
MEMORY = 2 << 30
CPU_SECONDS = 0.5  # large schemas take a tenth of that
WALK_TOKENS = 24
GIVES_WAY = 10  # niceness: a step of the engine comes first where processors are few

# Per token, a tenth of a second at the very most; per grammar, some tens of megabytes.
_LIMITS = LLParserLimits(
    initial_lexer_fuel=500_000,
    step_lexer_fuel=100_000,
    step_max_items=30_000,
    max_lexer_states=50_000,
    max_grammar_size=200_000,
    verbose_errors=False,
)


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
    """A matcher that stands at the beginning; `is_error` tells whether it is one.

    Its first mask is computed, so that what is costly once is done.
    """
    matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=_LIMITS)
    if not matcher.is_error():
        matcher.compute_bitmask()
    return matcher


def fault(tokenizer: LLTokenizer, grammar: str) -> str:
    """Why the grammar cannot be used, or nothing: it is compiled, and some tokens are walked."""
    matcher = compile_grammar(tokenizer, grammar)
    chance = random.Random(0)  # noqa: S311 - any way through the grammar will do
    for _ in range(WALK_TOKENS):
        if matcher.is_stopped():  # or an error
            break
        allowed = [token for token, bias in enumerate(matcher.compute_logit_bias()) if bias]
        if not matcher.is_error():
            matcher.consume_token(chance.choice(allowed))
    return matcher.get_error()


def serve(wishes: IO[bytes], answers: IO[bytes]) -> None:
    """Until the input ends."""
    tokenizer = TokenizerText(**json.loads(read_frame(wishes))).load()
    write_frame(answers, b"")
    while grammar := read_frame(wishes):
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # whose signal ends the process
        write_frame(answers, fault(tokenizer, grammar.decode()).encode())


def setup_frame(tokenizer: TokenizerText) -> bytes:
    return json.dumps(asdict(tokenizer)).encode()


def read_frame(stream: IO[bytes]) -> bytes:
    """Empty at the stream's end."""
    length = stream.read(LENGTH.size)
    return stream.read(*LENGTH.unpack(length)) if len(length) == LENGTH.size else b""


def write_frame(stream: IO[bytes], body: bytes) -> None:
    stream.write(LENGTH.pack(len(body)) + body)
    stream.flush()


if __name__ == "__main__":
    os.nice(GIVES_WAY)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
