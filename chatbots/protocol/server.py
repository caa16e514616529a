"""What the server sends. Events of an answer are OpenAI's: here is only their outline."""

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

Number = Annotated[int, Field(ge=0, description="From 0, growing within one response.")]
Rating = Literal["up", "down"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Open(BaseModel):
    """Has fields besides these."""

    model_config = ConfigDict(frozen=True, extra="allow")


class _OnlyChanges(Part):
    """Fields that are null are left out."""

    @model_serializer(mode="wrap")
    def _changed(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class RateLimit(Part):
    name: str
    limit: int
    remaining: int
    reset_seconds: float


class Source(Open):
    """Where a part of an answer comes from."""


class Item(Open):
    """A message of the conversation. Makers of the chatbot, and programs with a secret key, read
    with an answer its `usage` and, as `metadata`, what it cost; visitors never do."""

    id: str
    role: Literal["user", "assistant", "system"]
    content: Any = Field(description="A list of parts as OpenAI's, or the text.")
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    event_id: str | None = Field(None, description="Of the question's `response.create`.")


class Chatbot(Part):
    slug: str = Field(description="Its hosted page is `/c/<slug>`.")
    name: str = Field(description="Its title, for people.")
    version: int | None = Field(description="None: the draft.")
    welcome: str
    suggested_prompts: list[str]
    theme: dict[str, Any]
    strings: dict[str, str] = Field(description="Texts that replace the widget's own.")
    disclosure: str
    features: dict[str, bool]


class Conversation(Part):
    id: str | None = Field(description="None until the first question.")
    items: list[Item] = Field(description="The last 30, oldest first.")
    has_more: bool = Field(description="Can earlier ones be asked for?")


class Limits(Part):
    input_characters: int
    rate_limits: list[RateLimit]


class Session(Part):
    id: str
    visitor_token: str | None = Field(description="Keep it, and send it with the next session.")
    expires_at: int | None = Field(description="Of the token, in seconds since 1970.")
    chatbot: Chatbot
    conversation: Conversation
    limits: Limits
    active_response: str | None = Field(
        None, description="The id of an answer that is being written: its events follow."
    )


class ConversationChange(_OnlyChanges):
    """Questions go there from now on."""

    id: str
    items: list[Item] | None = Field(default=None, description="There if they replace those shown.")


class SessionChange(_OnlyChanges):
    """What has changed, and nothing else."""

    visitor_token: str | None = None
    expires_at: int | None = None
    chatbot: Chatbot | None = None
    conversation: ConversationChange | None = None


class SessionCreated(Part):
    """The session begins."""

    type: Literal["session.created"] = "session.created"
    session: Session


class SessionUpdated(Part):
    """A new token, new settings, or another conversation. Only fields that changed are there."""

    type: Literal["session.updated"] = "session.updated"
    session: SessionChange


class SessionClosing(Part):
    """The server is about to end the connection with 1012. No new questions are taken."""

    type: Literal["session.closing"] = "session.closing"
    reason: Literal["restart"]
    reconnect_after_ms: int


class ResponseSnapshot(Part):
    """The whole answer as it is now, since its events are not kept any more: the client replaces
    the text it has. Events above `sequence_number` follow while its status is `in_progress`."""

    type: Literal["response.snapshot"] = "response.snapshot"
    response: dict[str, Any]
    sequence_number: int = Field(ge=-1)


class RateLimitsUpdated(Part):
    """What is left of the limits after a question."""

    type: Literal["rate_limits.updated"] = "rate_limits.updated"
    rate_limits: list[RateLimit]


class FeedbackCreated(Part):
    """Taken."""

    type: Literal["feedback.created"] = "feedback.created"
    item_id: str
    rating: Rating | None


class ConversationItemAdded(Part):
    """A message that this connection did not send: from another tab of the visitor, or a person of
    the organisation. The events of `response_id` follow; `replaces` was asked for anew, and its
    question and answer are not there any more."""

    type: Literal["conversation.item.added"] = "conversation.item.added"
    conversation: str
    item: Item
    response_id: str | None = None
    replaces: str | None = None


class ConversationItemsListed(Part):
    """Answers `conversation.items.list`; oldest first."""

    type: Literal["conversation.items.listed"] = "conversation.items.listed"
    items: list[Item]
    has_more: bool


class Pong(Part):
    """Answers `ping`; without one it is the server's heartbeat, with `t` null."""

    type: Literal["pong"] = "pong"
    t: int | float | str | None = None


class ErrorDetail(Part):
    type: str
    code: str | None
    message: str
    param: str | None
    retry_after: float | None = Field(None, description="Seconds; with `rate_limited`.")


class Error(Part):
    """What a frame asked for is refused. Never the end by itself: that is a close code."""

    type: Literal["error"] = "error"
    status: int
    event_id: str | None = Field(None, description="Of the frame that caused it.")
    error: ErrorDetail


class ResponseEvent(Open):
    """An event of OpenAI's Responses, as it stands there."""

    type: Literal[
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.done",
        "response.output_text.annotation.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.refusal.delta",
        "response.refusal.done",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
    ]
    sequence_number: Number


class TextDelta(Open):
    """More text: append it. Text that grew within 25 ms is one frame, with the last number."""

    type: Literal["response.output_text.delta"]
    sequence_number: Number
    item_id: str
    output_index: int
    content_index: int
    delta: str


class ResponseState(Open):
    """The beginning and the end of an answer, with the whole response object. At the end `usage` is
    always there."""

    type: Literal[
        "response.created", "response.completed", "response.incomplete", "response.failed"
    ]
    sequence_number: Number
    response: dict[str, Any]


SERVER_FRAMES: Final[tuple[type[BaseModel], ...]] = (
    SessionCreated,
    SessionUpdated,
    SessionClosing,
    ResponseState,
    TextDelta,
    ResponseEvent,
    ResponseSnapshot,
    RateLimitsUpdated,
    FeedbackCreated,
    ConversationItemAdded,
    ConversationItemsListed,
    Pong,
    Error,
)
