"""Beginnings of prompts whose keys and values are kept, so that nobody computes them twice.

A block's name is a hash over its tokens and the name of the block before it, so equal names mean
equal beginnings. The first name comes from tenant and adapter: what one tenant asked never makes
another's answer faster, so waiting times tell nobody what others write.
"""

import hashlib
import os
from array import array
from collections import OrderedDict
from collections.abc import Iterator

import torch

from inference.engines.local.kv import SlotCache
from inference.engines.local.sequences import Submission

BLOCK = 64  # tokens


class PrefixCache:
    """Used by the loop's thread alone. What was used longest ago leaves first."""

    def __init__(self, cache: SlotCache, most_bytes: int) -> None:
        self._cache = cache
        self._most = most_bytes // (BLOCK * cache.bytes_per_token)
        self._key = os.urandom(16)  # so that nobody outside can look for equal names
        self._blocks: OrderedDict[bytes, torch.Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._blocks)

    def fill(self, submission: Submission, slot: int) -> int:
        """Copy into the slot what is known of the prompt; returns how many tokens that is.

        The last token is always computed: its logits choose the first one of the answer.
        """
        if submission.echo:  # whose prompt's own logits are wanted
            return 0
        known: list[bytes] = []
        for name in self._names(submission, len(submission.prompt) - 1):
            if name not in self._blocks:
                break
            self._cache.put(slot, BLOCK * len(known), self._blocks[name])
            known.append(name)
        self._refresh(known)
        return BLOCK * len(known)

    def keep(self, submission: Submission, slot: int) -> None:
        """The slot holds the whole prompt."""
        names = list(self._names(submission, min(len(submission.prompt), self._most * BLOCK)))
        for number, name in enumerate(names):
            if name not in self._blocks:
                start = BLOCK * number
                self._blocks[name] = self._cache.get(slot, start, start + BLOCK)
        self._refresh(names)
        while len(self._blocks) > self._most:
            self._blocks.popitem(last=False)

    def _refresh(self, names: list[bytes]) -> None:
        """A block is of no use without those before it, so it leaves before them."""
        for name in reversed(names):
            self._blocks.move_to_end(name)

    def _names(self, submission: Submission, tokens: int) -> Iterator[bytes]:
        owner = repr((submission.tenant, submission.adapter and submission.adapter.name))
        name = hashlib.blake2b(owner.encode(), key=self._key, digest_size=16).digest()
        for start in range(0, tokens - BLOCK + 1, BLOCK):
            block = array("q", submission.prompt[start : start + BLOCK]).tobytes()
            name = hashlib.blake2b(name + block, key=self._key, digest_size=16).digest()
            yield name
