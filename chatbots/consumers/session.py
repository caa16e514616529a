"""An open session: what its client asks for and is told, until it has gone."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel

from api import ids
from api.errors import ApiError, InvalidRequest, NotFound, ServerOverloaded
from chatbots import conversing, visitor_tokens
from chatbots.consumers import describing
from chatbots.consumers.answers import Answers
from chatbots.consumers.errands import Errands
from chatbots.consumers.opening import Guest
from chatbots.consumers.outbox import Outbox
from chatbots.consumers.tabs import Asked, tabs
from chatbots.conversing import Turn
from chatbots.finding import Live
from chatbots.protocol import client, server, writing
from chatbots.protocol.limits import INPUT_CHARACTERS, TOKEN_SECONDS

RECONNECT_MS: Final = (500, 3000)  # spread, so that not all come back at once
TOO_LONG: Final = f"A message has at most {INPUT_CHARACTERS:,} characters. Send a shorter one."
STOPPING: Final = "The server restarts. Connect again and send this once more."


class Session:
    """Knows nothing of the socket but its outbox. Holds no state that is not in the database."""

    def __init__(self, guest: Guest, outbox: Outbox) -> None:
        self.id = ids.new("sess")
        self.guest = guest
        self.errands = Errands(outbox)
        self._outbox = outbox
        self._answers = Answers(outbox, self.errands)
        self._conversation_id: str | None = None
        self._stopping = False
        self._closed = False
        self._renew_at = 0.0

    async def begin(self, asked: client.Introduction) -> None:
        """Tell how things stand, then go on with the answer that is being written."""
        conversation = await describing.conversation(self.guest, asked.conversation)
        self._enter(conversation.id)
        active = await self._active()
        token, expires_at = self._token()
        session = server.Session(
            id=self.id,
            visitor_token=token,
            expires_at=expires_at,
            chatbot=describing.chatbot(self.guest),
            conversation=conversation,
            limits=await describing.limits(self.guest),
            active_response=active.response_id if active else None,
        )
        self._say(server.SessionCreated(session=session))
        if asked.resume:
            self.errands.do(self._resume(asked.resume))
        if active and (asked.resume is None or asked.resume.response_id != active.response_id):
            self._answers.listen(active, -1)

    async def obey(self, frame: client.Frame) -> None:
        """Raises ApiError."""
        match frame:
            case client.ResponseCreate():
                if self._stopping:
                    raise ServerOverloaded(STOPPING, retry_after=2)
                self.errands.do(self._ask(frame), frame.event_id)
            case client.ResponseCancel():
                await (await self._turn(frame.response_id)).cancel()
            case client.ResponseResume():
                await self._resume(frame)
            case client.ConversationCreate():
                new = await conversing.new_conversation(*self._who)
                self._go_to(server.ConversationChange(id=new, items=[]))
            case client.ConversationItemsList():
                await self._list(frame)
            case client.FeedbackCreate():
                await self._rate(frame)

    def hear(self, news: Asked) -> None:
        """Another connection has asked something in our conversation."""
        if news.response_id not in self._answers.known:
            self._answers.known.add(news.response_id)
            self.errands.do(self._join(news))

    def look(self) -> None:
        """Has another connection asked something, without a word to us?"""
        self.errands.do(self._look())

    def renew(self, live: Live | None = None) -> None:
        """A new token; with the settings of `live`, if the chatbot has changed."""
        if live is not None:
            self.guest = replace(self.guest, live=live)
        token, expires_at = self._token()
        change = server.SessionChange(
            visitor_token=token,
            expires_at=expires_at,
            chatbot=describing.chatbot(self.guest) if live else None,
        )
        self._say(server.SessionUpdated(session=change))

    def renew_if_old(self) -> None:
        if time.time() > self._renew_at and self.guest.speaker.visitor_id:
            self.renew()

    def stop(self, then: Callable[[], None]) -> None:
        """The server stops: no more questions; `then`, once nothing is asked or answered."""
        self._stopping = True
        wait = random.randint(*RECONNECT_MS)  # noqa: S311 - spreads load, keeps no secret
        self._say(server.SessionClosing(reason="restart", reconnect_after_ms=wait))
        self.errands.rests = then
        if not self.errands.busy:
            then()

    def close(self) -> None:
        """The client has gone. Answers go on, and what was asked is asked."""
        self._closed = True
        self._enter(None)
        self._answers.close()

    async def _ask(self, frame: client.ResponseCreate) -> None:
        if len(frame.input) > INPUT_CHARACTERS:
            raise InvalidRequest(TOO_LONG, param="input", code="input_too_long")
        turn = await conversing.begin(
            *self._who,
            input=frame.input,
            conversation_id=frame.conversation or self._conversation_id,
            event_id=frame.event_id,
            metadata=frame.metadata,
            replaces=frame.replaces,
        )
        if turn.conversation_id != self._conversation_id:
            self._go_to(server.ConversationChange(id=turn.conversation_id))
        self._say(server.RateLimitsUpdated(rate_limits=await describing.rate_limits(self.guest)))
        self._answers.listen(turn, -1)
        asked = Asked(turn.conversation_id, turn.response_id, self.id, frame.replaces)
        await tabs().tell(asked)

    async def _resume(self, asked: client.Resume | client.ResponseResume) -> None:
        self._answers.listen(await self._turn(asked.response_id), asked.starting_after)

    async def _look(self) -> None:
        with suppress(ApiError):  # nobody has asked us to
            active = await self._active()
            if active and active.conversation_id == self._conversation_id:
                self.hear(Asked(active.conversation_id, active.response_id, by=""))

    async def _join(self, news: Asked) -> None:
        turn = await self._turn(news.response_id)
        for item in await conversing.items(*self._who, news.conversation_id, None, 2):
            if item["role"] == "user" and item["response_id"] == news.response_id:
                added = server.ConversationItemAdded(
                    conversation=news.conversation_id,
                    item=server.Item.model_validate(item),
                    response_id=news.response_id,
                    replaces=news.replaces,
                )
                self._say(added)
        self._answers.listen(turn, -1)

    async def _list(self, frame: client.ConversationItemsList) -> None:
        items: list[dict[str, Any]] = []
        if self._conversation_id is not None:
            items = await conversing.items(
                *self._who, self._conversation_id, frame.before, frame.limit + 1
            )
        told = describing.fitting(items[-frame.limit :])
        self._say(server.ConversationItemsListed(items=told, has_more=len(items) > len(told)))

    async def _rate(self, frame: client.FeedbackCreate) -> None:
        await conversing.feedback(*self._who, frame.item_id, frame.rating, frame.comment)
        self._say(server.FeedbackCreated(item_id=frame.item_id, rating=frame.rating))

    async def _active(self) -> Turn | None:
        if self._conversation_id is None:
            return None
        response_id = await conversing.active(*self._who, self._conversation_id)
        return await conversing.find(*self._who, response_id) if response_id else None

    async def _turn(self, response_id: str) -> Turn:
        turn = await conversing.find(*self._who, response_id)
        if turn is None:
            raise NotFound(
                "There is no such answer in this visitor's conversations.",
                param="response_id",
                code="response_not_found",
            )
        return turn

    def _go_to(self, conversation: server.ConversationChange) -> None:
        self._enter(conversation.id)
        self._say(server.SessionUpdated(session=server.SessionChange(conversation=conversation)))

    def _enter(self, conversation_id: str | None) -> None:
        if self._conversation_id is not None:
            tabs().leave(self._conversation_id, self)
        self._conversation_id = None if self._closed else conversation_id
        if self._conversation_id is not None:
            tabs().follow(self._conversation_id, self)

    def _token(self) -> tuple[str | None, int | None]:
        """A program with a secret key is no visitor, and needs none."""
        self._renew_at = time.time() + TOKEN_SECONDS / 2
        visitor_id = self.guest.speaker.visitor_id
        return visitor_tokens.issue(self.guest.live, visitor_id) if visitor_id else (None, None)

    @property
    def _who(self) -> tuple[Live, conversing.Speaker]:
        return self.guest.live, self.guest.speaker

    def _say(self, frame: BaseModel) -> None:
        self._outbox.put(writing.text_of(frame))
