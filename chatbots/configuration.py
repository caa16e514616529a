"""What a chatbot is: every field that its maker can set, with its limit, strict and frozen."""

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop
from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from inference.schemas.fields import ModelName, Strict, refuse
from inference.schemas.formats import ResponsesFormat
from inference.schemas.responses.tools import FunctionTool, require_different_names

NANO: Final = 10**9
VARIABLE: Final = re.compile(r"\{\{\s*([\w.]{1,64})\s*\}\}")
VARIABLES: Final = (
    "visitor.id", "visitor.name", "visitor.email", "visitor.plan", "page.title", "page.path",
    "page.origin", "locale", "chatbot.name", "chatbot.title", "date",
)  # fmt: skip
"""What `{{…}}` in a system prompt or welcome may say; one that is not known is empty."""
MOST_PROMPT: Final = 32_000
MOST_ORIGINS: Final = 50
_HOST: Final = re.compile(r"(\*\.)?[^\s/@?#*\\:\[\]]+|\[[0-9a-f:.]+\]")
_COLOUR: Final = r"^#[0-9a-fA-F]{6}$"


def _text(most: int, least: int = 0) -> StringConstraints:
    return StringConstraints(min_length=least, max_length=most)


def _known_variables(text: str) -> str:
    for name in VARIABLE.findall(text):
        if name not in VARIABLES:
            raise PydanticCustomError(
                "unknown_variable", "{{{{{name}}}}} is unknown; there are {known}",
                {"name": name, "known": ", ".join(VARIABLES)},
            )  # fmt: skip
    return text


def _origin(text: str) -> str:
    """`https://shop.example`, `https://*.example.com`, `http://localhost:3000`: no path."""
    parts = urlsplit(text)
    host = parts.netloc.rpartition(":")[0] if _has_port(parts.netloc) else parts.netloc
    if parts.scheme not in {"http", "https"} or parts.path.strip("/") or not _HOST.fullmatch(host):
        raise PydanticCustomError(
            "origin",
            gettext_noop("an origin is written https://shop.example or https://*.example.com"),
        )
    return f"{parts.scheme}://{parts.netloc}"


def _has_port(netloc: str) -> bool:
    return bool(re.search(r":[0-9]{1,5}$", netloc))


def _dollars(text: str) -> str:
    if Decimal(text) * NANO >= 2**62:
        raise PydanticCustomError("budget", gettext_noop("a budget is below 4,000,000,000 dollars"))
    return text


Templated = AfterValidator(_known_variables)
Origin = Annotated[str, _text(255), AfterValidator(_origin)]
Dollars = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,10}(\.[0-9]{1,9})?$"), AfterValidator(_dollars)
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")]


class Knowledge(Strict):
    """`top_k` passages of its files go into each prompt; 0: none. Files belong to no version: one
    that is attached is known at once."""

    top_k: Annotated[int, Field(ge=0, le=20)] = 4
    citations: bool = True


class Theme(Strict):
    accent: Annotated[str, StringConstraints(pattern=_COLOUR)] | None = None
    radius: Annotated[int, Field(ge=0, le=32)] = 12
    position: Literal["bottom-right", "bottom-left"] = "bottom-right"
    scheme: Literal["auto", "light", "dark"] = "auto"
    density: Literal["compact", "comfortable"] = "comfortable"
    launcher: Literal["icon", "text"] = "icon"
    launcher_text: Annotated[str, _text(40)] = ""
    font: Literal["inherit", "system"] = "system"


class Limits(Strict):
    """Messages in any `window_seconds`, for each visitor and for each address."""

    messages: Annotated[int, Field(ge=1, le=10_000)] = 20
    window_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    address_messages: Annotated[int, Field(ge=1, le=100_000)] = 60
    text: Annotated[str, _text(500)] = ""


class Budget(Strict):
    """Dollars as decimal strings; null: no limit. A new chatbot has one: origins are no secret."""

    day_usd: Dollars | None = "1.00"
    month_usd: Dollars | None = "10.00"
    resting_text: Annotated[str, _text(500)] = "This assistant is resting. Please come back later."

    @property
    def day_nano(self) -> int | None:
        return _nano(self.day_usd)

    @property
    def month_nano(self) -> int | None:
        return _nano(self.month_usd)


def _nano(dollars: str | None) -> int | None:
    return None if dollars is None else int(Decimal(dollars) * NANO)


class Configuration(Strict):
    model: ModelName | None = Field(
        default=None, description="null: your organisation's default model."
    )
    system_prompt: Annotated[str, _text(MOST_PROMPT), Templated] = "You are a helpful assistant."
    welcome: Annotated[str, _text(1_000), Templated] = "Hello! How can I help?"
    suggested_prompts: Annotated[
        list[Annotated[str, _text(200, 1)]], Field(max_length=4)
    ] = Field(default_factory=list)  # fmt: skip
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    top_p: Annotated[float, Field(ge=0, le=1)] = 1.0
    max_output_tokens: Annotated[int, Field(ge=16, le=32_768)] = 512
    stop: Annotated[list[Annotated[str, _text(100, 1)]], Field(max_length=4)] = Field(
        default_factory=list
    )
    response_format: ResponsesFormat | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=32)] = Field(
        default_factory=list, description="Offered where the client can call them: as a model."
    )
    knowledge: Knowledge = Knowledge()
    theme: Theme = Theme()
    disclosure: Annotated[str, _text(500)] = "You are talking to an AI. Answers can be wrong."
    languages: Annotated[list[Language], Field(max_length=20)] = Field(
        default_factory=lambda: ["en"]
    )
    access: Literal["public", "signed", "private"] = Field(
        default="public",
        description="public: any visitor of an allowed origin; signed: with a token of your "
        "server; private: API keys alone.",
    )
    allowed_origins: Annotated[list[Origin], Field(max_length=MOST_ORIGINS)] = Field(
        default_factory=list, description="Empty: no site but this server's own page."
    )
    limits: Limits = Limits()
    budget: Budget = Budget()
    retention_days: Annotated[int, Field(ge=0, le=3_650)] | None = Field(
        default=90, description="0: nothing is kept beyond the conversation; null: everything is."
    )
    stop_when_alone: bool = Field(
        default=False, description="End an answer that nobody has read for 60 seconds."
    )

    @field_validator("languages", "allowed_origins")
    @classmethod
    def _each_once(cls, values: list[str]) -> list[str]:
        return list(dict.fromkeys(values))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        require_different_names(self.tools)
        if self.tools and self.response_format and self.response_format.type != "text":
            raise refuse("response_format", "with tools, answers are text")
        return self

    def stored(self) -> dict[str, Any]:
        """As JSON, every field present, in the order of this class."""
        return self.model_dump(mode="json", by_alias=True)
