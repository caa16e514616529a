"""The numbers of chat.v1: sizes, times, and what each close code means."""

from enum import IntEnum
from typing import Final

SUBPROTOCOL: Final = "chat.v1"
FRAME_BYTES: Final = 64 * 1024
"""Of a frame from a client."""
INPUT_CHARACTERS: Final = 15_000
"""Of a question: such a frame is never too large."""
SESSION_SECONDS: Final = 5.0
"""Until the first frame, which must be `session.update`."""
HEARTBEAT_SECONDS: Final = 25.0
"""Without a frame from the server, until it says something."""
SILENCE_SECONDS: Final = 60.0
"""Then the other end is taken to be gone."""
BATCH_SECONDS: Final = 0.025
"""Text that grows within this time leaves in one frame."""
QUEUED_BYTES: Final = 256 * 1024
"""Waiting for one client; more, and it is closed."""
STALL_SECONDS: Final = 30.0
"""That one frame may wait for a client that does not read."""
FIRST_ITEMS: Final = 30
"""Messages of the conversation in `session.created`."""
MOST_ITEMS: Final = 50
"""Messages that can be asked for at once."""
BURST_FRAMES: Final = 40
"""Frames from a client at once; over that so many a second:"""
FRAMES_A_SECOND: Final = 10
TOKEN_SECONDS: Final = 24 * 3600
"""A visitor's token; half of it, and a new one comes by `session.updated`."""


class Close(IntEnum):
    """A socket is always accepted first: of a refused handshake a browser only learns 1006."""

    RESTART = 1012
    OVERLOAD = 1013
    BAD_FRAME = 4400
    BAD_KEY = 4401
    ORIGIN = 4403
    UNKNOWN = 4404
    NO_SESSION = 4408
    TOO_MANY = 4429

    @property
    def may_return(self) -> bool:
        """False: what is wrong stays wrong, so a client must not connect again by itself."""
        return self < Close.BAD_FRAME or self in {Close.NO_SESSION, Close.TOO_MANY}


MEANINGS: Final = {
    Close.RESTART: "The server restarts (`session.closing` came before). Connect again.",
    Close.OVERLOAD: "The server is too busy, or this client read too slowly. Connect and resume.",
    Close.BAD_FRAME: "What came is no frame of this protocol.",
    Close.BAD_KEY: "The key or a token is wrong, expired or revoked.",
    Close.ORIGIN: "The page's origin is not among the chatbot's allowed origins.",
    Close.UNKNOWN: "There is no such chatbot, or it is paused.",
    Close.NO_SESSION: "No `session.update` came in time.",
    Close.TOO_MANY: "Too many connections of this visitor, address or chatbot.",
}
