"""The processes that hold answers to their forms: `python -m` this module, and a fork a grammar.

The first one reads the tokenizer and waits. For each new grammar it forks: the child compiles it
and then serves it, so a schema that breaks the compiler takes nobody along, and neither compiling
nor masks need the engine's processors' time, memory or interpreter. All end when the engine does:
their sockets close.

A child gets a socket of messages, memory that it shares with the engine, and a wish. It says that
it is there, then what is wrong (a Fault), and then answers: to [MASKS, number, ...] with what is
forbidden to each of these answers, in the shared memory; to [TAKE, number, token, ...] with how
each stands. ~number is a new answer's.
"""

import gc
import json
import mmap
import os
import pickle
import resource
import signal
import socket
import sys
import threading
from array import array
from dataclasses import asdict, dataclass

from llguidance import LLMatcher, LLTokenizer

from inference.engines.base import InvalidGeneration
from inference.engines.local import grammar_compiler, grammar_wishes
from inference.engines.local.grammar_compiler import CannotHold, TokenizerText
from inference.engines.local.tool_formats.formats import ToolFormat

MASKS, TAKE = range(2)
GOES_ON, ENDED, FAILED = range(3)
MOST_BYTES = 1 << 16  # of a message
MEMORY = 2 << 30
# Of processor time. Large schemas take a tenth of that; a step, a thousandth.
CPU_SECONDS = 0.5
GIVES_WAY = 10  # niceness while compiling: a step of the engine comes first


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a grammar is refused: in a few words, or as a whole error. Nothing: it is not."""

    reason: str = ""
    message: str = ""
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What all grammars of a model have in common."""

    tokenizer: TokenizerText
    form: ToolFormat | None


def main(control: socket.socket, setup: Setup) -> None:
    """Forks until the engine hangs up."""
    tokenizer = setup.tokenizer.load()
    gc.freeze()  # so that a child's collections copy no page of what is shared
    while True:
        message, handles, _, _ = socket.recv_fds(control, 16, 3)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            try:
                _serve(*handles, tokenizer=tokenizer, form=setup.form)
            finally:
                os._exit(0)  # nothing of the parent's is to be ended here
        for handle in handles:
            os.close(handle)


def _serve(
    connection: int, memory: int, wish: int, *, tokenizer: LLTokenizer, form: ToolFormat | None
) -> None:
    engine = socket.socket(fileno=connection)
    engine.send(b"here")
    with os.fdopen(wish, "rb") as file:
        compiling = _Compiling(file.read(), tokenizer, form)
    _allow_time()
    compiling.start()
    compiling.join()
    engine.send(json.dumps(asdict(compiling.fault)).encode())
    if compiling.matcher:
        _answer(engine, compiling.matcher, mmap.mmap(memory, 0))


class _Compiling(threading.Thread):
    """Linux has niceness by thread, and takes none back: masks are not to give way."""

    def __init__(self, wish: bytes, tokenizer: LLTokenizer, form: ToolFormat | None) -> None:
        super().__init__()
        self.matcher: LLMatcher | None = None
        self.fault = Fault(reason="it is too complex")  # unless more is known of it
        self._wish = wish
        self._tokenizer = tokenizer
        self._form = form

    def run(self) -> None:
        os.nice(GIVES_WAY)
        try:
            grammar = grammar_wishes.grammar_of(self._wish, self._form)
            self.matcher = grammar_compiler.compile_grammar(self._tokenizer, grammar)
            self.fault = Fault()
        except InvalidGeneration as error:
            self.fault = Fault(message=str(error), param=error.param)
        except CannotHold as error:
            self.fault = Fault(reason=str(error))
        except RecursionError:
            self.fault = Fault(reason="it is nested too deep")


def _answer(engine: socket.socket, beginning: LLMatcher, masks: mmap.mmap) -> None:
    matchers: dict[int, LLMatcher] = {}
    while message := engine.recv(MOST_BYTES):
        _allow_time()
        wish, *rest = array("i", message)
        if wish == MASKS:
            _write(masks, [_matcher(matchers, number, beginning) for number in rest])
            engine.send(b"masks")
        else:
            taken = zip(rest[::2], rest[1::2], strict=True)
            engine.send(bytes(_take(matchers[number], token) for number, token in taken))


def _matcher(matchers: dict[int, LLMatcher], number: int, beginning: LLMatcher) -> LLMatcher:
    if number < 0:
        number = ~number
        matchers[number] = beginning.deep_copy()
    return matchers[number]


def _write(masks: mmap.mmap, matchers: list[LLMatcher]) -> None:
    start = 0
    for matcher in matchers:
        forbidden = grammar_compiler.forbidden(matcher)
        masks[start : start + len(forbidden)] = forbidden
        start += len(forbidden)


def _take(matcher: LLMatcher, token: int) -> int:
    matcher.consume_token(token)
    if matcher.is_error():
        return FAILED
    return ENDED if matcher.is_stopped() else GOES_ON


def _allow_time() -> None:
    """Counts from here; the signal at its end ends the process."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)


if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # of a terminal: answers go on until their engine ends
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for children
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main(socket.socket(fileno=int(sys.argv[1])), pickle.load(sys.stdin.buffer))  # noqa: S301 - the engine's own
