"""Which form an answer must have: plain text, any JSON object, or what a JSON schema says.

Chat completions ask with `response_format`, Responses with `text.format`. JSON answers are held to
their form token by token, so the prompt need not say "JSON" (OpenAI's must), and a schema holds
whether it is `strict` or not.
"""

from typing import Annotated, Literal

from pydantic import Field, Tag

from inference.engines.base import ResponseFormat
from inference.schemas.fields import Strict, by_type
from inference.schemas.tools import FunctionName, JsonSchema


class TextFormat(Strict):
    type: Literal["text"]

    def for_engine(self) -> None:
        return None


class JsonObjectFormat(Strict):
    type: Literal["json_object"]

    def for_engine(self) -> ResponseFormat:
        return ResponseFormat()


class NamedSchema(Strict):
    """What an answer is held to; Responses give it beside `type`, without a level between."""

    name: FunctionName
    schema_: JsonSchema = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None

    def for_engine(self) -> ResponseFormat:
        return ResponseFormat(self.schema_)


class JsonSchemaFormat(Strict):
    type: Literal["json_schema"]
    json_schema: NamedSchema

    def for_engine(self) -> ResponseFormat:
        return self.json_schema.for_engine()


class FlatJsonSchemaFormat(NamedSchema):
    """The same in `text.format` of Responses."""

    type: Literal["json_schema"]


ChatFormat = Annotated[
    Annotated[TextFormat, Tag("(text)")]
    | Annotated[JsonObjectFormat, Tag("(json_object)")]
    | Annotated[JsonSchemaFormat, Tag("(json_schema)")],
    by_type("text", "json_object", "json_schema"),
]
ResponsesFormat = Annotated[
    Annotated[TextFormat, Tag("(text)")]
    | Annotated[JsonObjectFormat, Tag("(json_object)")]
    | Annotated[FlatJsonSchemaFormat, Tag("(json_schema)")],
    by_type("text", "json_object", "json_schema"),
]
