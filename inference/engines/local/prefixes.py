"""Beginnings of prompts whose keys and values are kept, so that nobody computes them twice.

A piece's name is a hash over its tokens and the name of the piece before it, so equal names mean
equal beginnings. The first name comes from tenant and adapter: what one tenant asked never makes
another's answer faster, so waiting times tell nobody what others write.
"""

import hashlib
import os
from array import array
from collections import OrderedDict
from typing import Any

from inference.engines.local.kv import SlotCache
from inference.engines.local.paged import PagedCache
from inference.engines.local.sequences import Submission


class PrefixCache:
    """Used by the loop's thread alone. What was used longest ago leaves first.

    Slots are copied, into at most `most_bytes`. Blocks stay where they are, and rows share them:
    they take no room that a row needs, since those that nobody uses leave when it does.
    """

    def __init__(self, cache: SlotCache | PagedCache, most_bytes: int) -> None:
        self._cache = cache
        self._piece = cache.piece
        self._most = most_bytes // (cache.piece * cache.bytes_per_token)
        if isinstance(cache, PagedCache):
            self._most = cache.blocks.count
            cache.forget = self._forget_idle
        self._key = os.urandom(16)  # so that nobody outside can look for equal names
        self._pieces: OrderedDict[bytes, Any] = OrderedDict()  # copies, or numbers of blocks

    def __len__(self) -> int:
        return len(self._pieces)

    def known(self, submission: Submission) -> list[bytes]:
        """The names of the pieces that its prompt begins with.

        The last token is always computed: its logits choose the first one of the answer.
        """
        if submission.echo or not self._pieces:  # an echoed prompt's own logits are wanted
            return []
        known = []
        for name in self._names(submission, len(submission.prompt) - 1):
            if name not in self._pieces:
                break
            known.append(name)
        return known

    def in_use(self, submission: Submission) -> int:
        """How many tokens of its beginning take no room, as others use them now."""
        if not isinstance(self._cache, PagedCache):
            return 0
        blocks = [self._pieces[name] for name in self.known(submission)]
        return self._piece * sum(map(self._cache.is_used, blocks))

    def fill(self, submission: Submission, slot: int) -> int:
        """Have the slot begin with what is known of the prompt; returns how many tokens it is."""
        known = self.known(submission)
        for number, name in enumerate(known):
            self._cache.reuse(slot, self._piece * number, self._pieces[name])
        self._refresh(known)
        return self._piece * len(known)

    def keep(self, submission: Submission, slot: int) -> None:
        """The slot holds the whole prompt."""
        most = self._most * self._piece
        names = self._names(submission, min(len(submission.prompt), most))
        for number, name in enumerate(names):
            if name not in self._pieces:
                self._pieces[name] = self._cache.keep(slot, self._piece * number)
        self._refresh(names)
        while len(self._pieces) > self._most:
            self._cache.let_go(self._pieces.popitem(last=False)[1])

    def _forget_idle(self) -> None:
        """Let go of a block that no row uses. Those that are met before are in use, so they were
        not used longest ago."""
        cache = self._cache
        assert isinstance(cache, PagedCache)  # noqa: S101 - nobody else calls this
        for _ in range(len(self._pieces)):
            name, block = next(iter(self._pieces.items()))
            if not cache.is_used(block):
                cache.let_go(self._pieces.pop(name))
                return
            self._pieces.move_to_end(name)

    def _refresh(self, names: list[bytes]) -> None:
        """A piece is of no use without those before it, so it leaves before them."""
        for name in reversed(names):
            self._pieces.move_to_end(name)

    def _names(self, submission: Submission, tokens: int) -> list[bytes]:
        """Of the pieces that so many tokens fill."""
        if tokens < self._piece:
            return []
        if submission.names is None:
            submission.names = self._named(submission)
        return submission.names[: tokens // self._piece]

    def _named(self, submission: Submission) -> list[bytes]:
        owner = repr((submission.tenant, submission.adapter and submission.adapter.name))
        name = hashlib.blake2b(owner.encode(), key=self._key, digest_size=16).digest()
        names, prompt = [], submission.prompt
        for start in range(0, len(prompt) - self._piece + 1, self._piece):
            piece = array("q", prompt[start : start + self._piece]).tobytes()
            name = hashlib.blake2b(name + piece, key=self._key, digest_size=16).digest()
            names.append(name)
        return names
