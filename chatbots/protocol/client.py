"""What a client sends: `session.update` first, then anything else."""

from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

from chatbots.protocol.limits import MOST_ITEMS

LONGEST_ID: Final = 128
Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
Token = Annotated[str, Field(min_length=1, max_length=4096)]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=16),
]
REFUSED: Final = ("model", "instructions", "tools", "temperature", "max_output_tokens")
"""The chatbot's owner decides these."""


class Part(BaseModel):
    """Fields that are not known here are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Frame(Part):
    event_id: Id | None = Field(None, description="Comes back in the `error` that this causes.")


class Page(Part):
    origin_path: str | None = Field(None, max_length=2048, description="Where the widget stands.")
    title: str | None = Field(None, max_length=512)


class Resume(Part):
    response_id: Id
    starting_after: int = Field(
        -1, ge=-1, description="The last `sequence_number` that was seen; -1 for none."
    )


class Introduction(Part):
    key: str | None = Field(
        None, max_length=256, description="The chatbot's publishable key; never in the URL."
    )
    visitor_token: Token | None = Field(
        None, description="From the last `session.created` or `session.updated`."
    )
    user_token: Token | None = Field(
        None, description="A JWT (HS256) that the site signed with the chatbot's identity secret."
    )
    preview: Token | None = Field(
        None, description="Instead of a key: the dashboard's token for the draft."
    )
    conversation: Id | None = Field(None, description="The conversation to go on with.")
    resume: Resume | None = Field(
        None, description="The answer to go on with, as `response.resume`."
    )
    locale: str | None = Field(
        None, max_length=35, description="The visitor's language, as BCP 47."
    )
    page: Page | None = None
    client: str | None = Field(None, max_length=64, description="Such as `widget/1.2.0`.")


class SessionUpdate(Frame):
    """Who is there. The first frame, within 5 s. Once more later, and the session begins anew."""

    type: Literal["session.update"]
    session: Introduction


class ResponseCreate(Frame):
    """Ask. The same `event_id` in the same conversation is the same question: it is answered and
    charged once, so it may be sent again after a lost connection."""

    type: Literal["response.create"]
    event_id: Id = Field(description="Unique in the conversation.")
    input: str = Field(min_length=1, description="What the visitor wrote.")
    conversation: Id | None = Field(None, description="Without it, the session's.")
    replaces: Id | None = Field(
        None,
        description="The conversation's last response, if it failed or was stopped: it and its "
        "question make room for this one.",
    )
    metadata: Metadata | None = None


class ResponseCancel(Frame):
    """Stop. What was written until then is the answer."""

    type: Literal["response.cancel"]
    response_id: Id


class ResponseResume(Frame):
    """Go on reading an answer behind what was seen of it."""

    type: Literal["response.resume"]
    response_id: Id
    starting_after: int = Field(-1, ge=-1)


class ConversationCreate(Frame):
    """Begin a new conversation; answered by `session.updated`."""

    type: Literal["conversation.create"]


class ConversationItemsList(Frame):
    """Earlier messages; answered by `conversation.items.listed`."""

    type: Literal["conversation.items.list"]
    before: Id | None = Field(None, description="Messages before the one with this id.")
    limit: int = Field(MOST_ITEMS, ge=1, le=MOST_ITEMS)


class FeedbackCreate(Frame):
    """What the visitor thinks of an answer; null takes it back."""

    type: Literal["feedback.create"]
    item_id: Id
    rating: Literal["up", "down"] | None
    comment: str | None = Field(None, max_length=2000)


class Ping(Frame):
    """Answered by `pong` with the same `t`."""

    type: Literal["ping"]
    t: int | float | Annotated[str, Field(max_length=64)] | None = None


ClientFrame: TypeAlias = (
    SessionUpdate
    | ResponseCreate
    | ResponseCancel
    | ResponseResume
    | ConversationCreate
    | ConversationItemsList
    | FeedbackCreate
    | Ping
)
CLIENT_FRAMES: Final[tuple[type[Frame], ...]] = (
    SessionUpdate,
    ResponseCreate,
    ResponseCancel,
    ResponseResume,
    ConversationCreate,
    ConversationItemsList,
    FeedbackCreate,
    Ping,
)


def kinds(frame: type[BaseModel]) -> tuple[str, ...]:
    """What the `type` of a frame may say."""
    return get_args(frame.model_fields["type"].annotation)
