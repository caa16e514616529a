"""Grammars that hold a choice to a form, token by token: compiled once, kept while in use.

Each lives in a process of its own (`grammar_process.py`). `Grammars.compile` is called from worker
threads, never from the step loop; whoever asks for what cannot be enforced gets InvalidGeneration
before anything is generated.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from itertools import count

from inference.engines.base import EngineOverloaded, InvalidGeneration
from inference.engines.local import grammar_wishes
from inference.engines.local.grammar_compiler import name_of
from inference.engines.local.grammar_keepers import Keeper, Keepers
from inference.engines.local.grammar_process import FAILED, GOES_ON, Fault, Setup

KEPT = 32  # processes, of three megabytes for a small grammar and ten for a large one
ALIVE = 256  # with those that answers, waiting ones too, still need
LOST = FAILED + 1
"""A matcher's state: its process is gone."""

FORM_TOO_COMPLEX = "The form of this answer is too complex to be held to any longer."
FORM_LOST = (
    "The process that held this answer to its form has ended. Try again; if that ends so, too, the "
    "form is too complex."
)


class Matcher:
    """Where one choice stands in its grammar; the step loop's alone."""

    __slots__ = ("_number", "_state", "_taken", "grammar")

    def __init__(self, grammar: "Grammar", number: int) -> None:
        self.grammar = grammar
        self._number = number
        self._state = GOES_ON
        self._taken = False

    def __del__(self) -> None:
        self.grammar.free.append(self._number)

    @property
    def place(self) -> int:
        """Its number in the grammar's process, which is told when it is a new one's."""
        return self._number if self._taken else ~self._number

    @property
    def ended(self) -> bool:
        """Nothing may follow."""
        return self._state != GOES_ON

    @property
    def failed(self) -> bool:
        """A limit was hit on the way, or the process is gone: the grammar is not used again."""
        return self._state in {FAILED, LOST}

    @property
    def fault(self) -> str:
        """Why it failed, for whoever asked."""
        return FORM_LOST if self._state == LOST else FORM_TOO_COMPLEX

    def take(self, token: int) -> tuple[int, int]:
        """What the process is to be told."""
        self._taken = True
        return self._number, token

    def stands(self, state: int) -> None:
        self._state = state
        self.grammar.spoiled |= self.failed


class Grammar:
    """Its matchers share what they learn of it, so the second costs less than the first."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.spoiled = False
        self.free: list[int] = []
        self._numbers = count()

    def matcher(self) -> Matcher:
        return Matcher(self, self.free.pop() if self.free else next(self._numbers))


class Grammars:
    """One per engine. Its processes start with `start`, or with the first grammar."""

    def __init__(self, setup: Setup, pieces: Sequence[bytes], rows: int) -> None:
        """`pieces` are the bytes of every token, empty where it is no text; `rows` the most that
        a step has."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Grammar | Fault] = OrderedDict()
        self._alive: weakref.WeakSet[Grammar] = weakref.WeakSet()
        self._keepers = Keepers(setup, rows) if _readable(setup, pieces) else None

    def start(self) -> None:
        if self._keepers:
            self._keepers.start()

    def close(self) -> None:
        if self._keepers:
            self._keepers.close()
        for each in self._kept.values():
            if isinstance(each, Grammar):
                each.keeper.close()
        self._kept.clear()

    def known(self, wish: bytes, param: str) -> Grammar | None:
        """At once; None: not known. Raises InvalidGeneration if it was refused before."""
        with self._lock:
            found = self._kept.get(wish)
            if found is None or (isinstance(found, Grammar) and found.spoiled):
                return None
            self._kept.move_to_end(wish)
        return _usable(found, param)

    def compile(self, wish: bytes, param: str) -> Grammar:
        """Takes milliseconds, some seconds on a busy machine.

        Raises InvalidGeneration: it cannot be held; EngineOverloaded: there is no time for it now.
        """
        if self._keepers is None:
            raise InvalidGeneration("This model's answers cannot be held to a form.", param)
        if len(wish) > grammar_wishes.MAX_BYTES:
            raise grammar_wishes.too_large(param)
        if found := self.known(wish, param):
            return found
        if len(self._alive) >= ALIVE:
            message = "Answers of too many different forms are on their way. Try again soon."
            raise EngineOverloaded(message, retry_after=5.0)
        made = self._keepers.keeper(wish)
        kept = made if isinstance(made, Fault) else Grammar(made)
        with self._lock:
            if isinstance(kept, Grammar):
                self._alive.add(kept)
            self._kept[wish] = kept
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return _usable(kept, param)


def _usable(found: Grammar | Fault, param: str) -> Grammar:
    if isinstance(found, Grammar):
        return found
    if found.reason:
        raise grammar_wishes.refusal(found.reason, param)
    raise InvalidGeneration(found.message, found.param)


def _readable(setup: Setup, pieces: Sequence[bytes]) -> bool:
    """Not where tokens are read in another way than ours: such a model serves free text alone."""
    try:
        tokenizer = setup.tokenizer.load()
    except ValueError:
        return False
    return all(
        tokenizer.decode_bytes([token]) in {piece, name_of(token).encode()}
        for token, piece in enumerate(pieces)
        if piece and piece != b"\xff"  # which marks special tokens there; it is no text in UTF-8
    )
