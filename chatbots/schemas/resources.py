"""What the resources of chatbots take, strictly, and what they answer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from chatbots.configuration import Configuration
from inference.schemas.fields import Strict

Title = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Note = Annotated[str, StringConstraints(max_length=500)]
Partial = Annotated[
    dict[str, Any],
    Field(description="Fields of a configuration; of `theme`, `limits`, … some of their own."),
]


class ChatbotCreate(Strict):
    name: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="a-z, 0-9 and inner hyphens: its name in URLs, and `chatbot/<name>` as a model."
    )
    title: Title | None = None
    configuration: Partial | None = None


class ChatbotUpdate(Strict):
    """Name and title change at once, the configuration as a draft until it is published."""

    name: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="Another name in URLs and calls; those of before go on."
    )
    title: Title | None = None
    configuration: Partial | None = None


class VersionCreate(Strict):
    note: Note = ""


class ChatbotImport(Strict):
    yaml: Annotated[str, StringConstraints(max_length=256 * 1024)] = Field(
        description="What an export gave: it becomes the draft."
    )


class ChatbotFileAttach(Strict):
    file_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class FeedbackCreate(Strict):
    rating: Literal["up", "down"] | None
    comment: Annotated[str, StringConstraints(max_length=2000)] | None = None


class ConversationUpdate(Strict):
    """What is left out stays."""

    flagged: bool | None = None
    note: Annotated[str, StringConstraints(max_length=2000)] | None = None


class ChatbotObject(BaseModel):
    id: str
    object: Literal["chatbot"]
    name: str
    title: str
    slug: str = Field(description="Of its own page, /c/<slug>.")
    state: Literal["draft_only", "live", "paused", "over_budget"]
    live_version: int | None
    draft_differs: bool = Field(description="Is there something that is not published?")
    configuration: Configuration = Field(description="The draft's.")
    publishable_key: str
    spent_today: str = Field(description="US dollars, exact, in this UTC day.")
    spent_this_month: str
    created_at: int
    draft_changed_at: int


class ChatbotList(BaseModel):
    object: Literal["list"]
    data: list[ChatbotObject]
    has_more: bool
    first_id: str | None
    last_id: str | None


class DeletedChatbot(BaseModel):
    id: str
    object: Literal["chatbot.deleted"]
    deleted: Literal[True]


class IdentitySecret(BaseModel):
    object: Literal["chatbot.identity_secret"]
    secret: str = Field(description="Signs user tokens (HS256) on your own server.")


class VersionObject(BaseModel):
    id: str
    object: Literal["chatbot.version"]
    number: int
    is_live: bool
    author: str
    note: str
    configuration: Configuration
    created_at: int


class VersionList(BaseModel):
    object: Literal["list"]
    data: list[VersionObject]
    has_more: bool
    first_id: str | None
    last_id: str | None


class ChangedField(BaseModel):
    field: str
    before: Any
    after: Any


class VersionDiff(BaseModel):
    object: Literal["chatbot.diff"]
    changes: list[ChangedField]


class ChatbotExport(BaseModel):
    object: Literal["chatbot.export"]
    yaml: str


class ChatbotFileObject(BaseModel):
    id: str
    object: Literal["chatbot.file"]
    filename: str
    status: Literal["in_progress", "completed", "cancelled", "failed"]
    error: str | None
    usage_bytes: int
    created_at: int


class ChatbotFileList(BaseModel):
    object: Literal["list"]
    data: list[ChatbotFileObject]
    has_more: bool
    first_id: str | None
    last_id: str | None


class DetachedFile(BaseModel):
    id: str
    object: Literal["chatbot.file.deleted"]
    deleted: Literal[True]


class ChatObject(BaseModel):
    id: str
    object: Literal["chatbot.conversation"]
    visitor: str | None
    origin: str
    locale: str
    page: dict[str, Any]
    metadata: dict[str, str]
    preview: bool
    flagged: bool
    note: str = Field(description="Your team's; visitors never see it.")
    messages: int
    prompt_tokens: int
    completion_tokens: int
    cost: str
    created_at: int
    last_message_at: int


class ChatList(BaseModel):
    object: Literal["list"]
    data: list[ChatObject]
    has_more: bool
    first_id: str | None
    last_id: str | None


class DeletedChat(BaseModel):
    id: str
    object: Literal["chatbot.conversation.deleted"]
    deleted: Literal[True]


class ChatMessageObject(BaseModel):
    id: str
    object: Literal["chatbot.message"]
    role: Literal["user", "assistant"]
    text: str
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    response_id: str | None
    version: int | None
    model: str | None
    prompt_tokens: int
    completion_tokens: int
    cost: str
    first_token_ms: int | None
    total_ms: int | None
    finish_reason: str | None
    error_code: str | None
    sources: list[dict[str, Any]]
    feedback: Literal["up", "down"] | None
    feedback_comment: str
    request_id: str
    created_at: int


class ChatMessageList(BaseModel):
    object: Literal["list"]
    data: list[ChatMessageObject]
    has_more: bool
    first_id: str | None
    last_id: str | None


class ExportedChat(BaseModel):
    conversation: ChatObject
    messages: list[ChatMessageObject]


class VisitorExport(BaseModel):
    """All that is kept of a visitor."""

    id: str
    object: Literal["chatbot.visitor"]
    external_id: str | None
    claims: dict[str, Any]
    created_at: int
    last_seen: int
    conversations: list[ExportedChat]


class DeletedVisitor(BaseModel):
    id: str
    object: Literal["chatbot.visitor.deleted"]
    deleted: Literal[True]
    conversations: int


class FeedbackObject(BaseModel):
    object: Literal["chatbot.feedback"]
    rating: Literal["up", "down"] | None
    comment: str
