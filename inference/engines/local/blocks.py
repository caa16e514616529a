"""Which blocks of a cache are whose: counted, so that none is given away twice or lost.

A block is nobody's, or used by some slots, or kept for prompts that begin alike, or both. One that
is kept and used by no slot is idle: whoever needs its room may let go of it.
"""


class WrongHands(ValueError):
    """A block was given back, shared or kept by somebody who does not have it."""


class Blocks:
    """The numbers from 0 to `count`. Used by the loop's thread alone."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._users = [0] * count
        self._kept = bytearray(count)
        self._free = list(range(count))[::-1]
        self.idle = 0

    @property
    def free(self) -> int:
        return len(self._free)

    @property
    def available(self) -> int:
        """What could be taken, once idle ones are let go."""
        return len(self._free) + self.idle

    def is_own(self, block: int) -> bool:
        """Of its one user, who may write there."""
        return self._users[block] == 1 and not self._kept[block]

    def is_used(self, block: int) -> bool:
        return self._users[block] > 0

    def take(self) -> int:
        """One that is nobody's, for one user. Raises IndexError when all are somebody's."""
        block = self._free.pop()
        self._users[block] = 1
        return block

    def share(self, block: int) -> None:
        """One more user, of a block that somebody uses or that is kept."""
        if not self._users[block]:
            if not self._kept[block]:
                raise WrongHands(f"block {block} is nobody's")
            self.idle -= 1
        self._users[block] += 1

    def leave(self, block: int) -> None:
        """One user less."""
        if not self._users[block]:
            raise WrongHands(f"nobody uses block {block}")
        self._users[block] -= 1
        if not self._users[block]:
            self._left(block)

    def keep(self, block: int) -> None:
        """Its user may go, and it stays as it is."""
        if self._kept[block] or not self._users[block]:
            raise WrongHands(f"block {block} is kept already, or nobody's")
        self._kept[block] = True

    def let_go(self, block: int) -> None:
        """It is kept no longer."""
        if not self._kept[block]:
            raise WrongHands(f"block {block} is not kept")
        self._kept[block] = False
        if not self._users[block]:
            self.idle -= 1
            self._left(block)

    def _left(self, block: int) -> None:
        if self._kept[block]:
            self.idle += 1
        else:
            self._free.append(block)
