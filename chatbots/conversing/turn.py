"""One answer of a chatbot, running or done, for whoever reads it."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from inference.event_log import Event


class Turn:
    """`events` can be read by any number of readers, from any number on; leaving ends nothing."""

    def __init__(
        self, organisation_id: str, conversation_id: str, response_id: str, message_id: str
    ) -> None:
        self.organisation_id = organisation_id
        self.conversation_id = conversation_id
        self.response_id = response_id
        self.message_id = message_id

    def events(self, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        """Events with a number above `after`, then live ones, until the last.

        Raises event_log.EventsGone where the log has forgotten: then `snapshot`.
        """
        raise NotImplementedError

    async def cancel(self) -> None:
        """End at the next step; what was generated is charged, and is the answer."""
        raise NotImplementedError

    async def finished(self) -> dict[str, Any]:
        """Wait for the end: the response object as it stays, also of one that has failed."""
        raise NotImplementedError

    async def snapshot(self) -> tuple[dict[str, Any], int]:
        """The response so far, and the number of the last event that it includes."""
        raise NotImplementedError
