"""One connection under Daphne: whoever stops in the middle of a call is told so in our envelope."""

from typing import Any

from twisted.web import http

from api.errors import ApiError, InvalidRequest
from config.patience import MOST_HEAD, head_too_large, last_words, too_slow


class Channel(http.HTTPChannel):
    """Stock Twisted closes without a word, and gives a head that trickles as long as it likes."""

    MAX_LENGTH = MOST_HEAD
    totalHeadersSize = MOST_HEAD  # noqa: N815 - Twisted's name

    def resetTimeout(self) -> None:  # noqa: N802 - Twisted's name
        """A head has its time as a whole, a body from piece to piece."""
        if not self._is_in_a_head():
            super().resetTimeout()

    def setRawMode(self) -> None:  # noqa: N802 - Twisted's name
        super().setRawMode()
        super().resetTimeout()  # the head is over

    def timeoutConnection(self) -> None:  # noqa: N802 - Twisted's name
        if self.requests or self._buffer:
            self._say(too_slow(self.factory.timeOut))
        super().timeoutConnection()

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        self._say(head_too_large())
        self.loseConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's name
        large = self._receivedHeaderSize > self.totalHeadersSize
        self._say(head_too_large() if large else InvalidRequest("This is no request of HTTP/1.1."))
        self.loseConnection()

    def _is_in_a_head(self) -> bool:
        return bool(self.line_mode and (self.requests or self._buffer))

    def _say(self, error: ApiError) -> None:
        wire: Any = self.transport
        wire.write(last_words(error))
