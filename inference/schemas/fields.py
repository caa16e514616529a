"""Field types and the parameters that every generating endpoint shares; strict, null allowed."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from inference.engines.base import GenerationRequest, SamplingParams

MAX_CHOICES = 128
MAX_BIASES = 1024
MAX_FIELDS = 64
INT64 = 2**63
UNKNOWN_KIND = "unknown_kind"  # an error of an object that is really about its `type`


class Strict(BaseModel):
    """Exact types, no unknown fields. `1` is a number where `1.0` is; `"1"` and `true` are not."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, value: object) -> object:
        """Or each of 100,000 unknown ones would become an error, while everybody else waits."""
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            raise PydanticCustomError("too_long", "an object has too many fields")
        return value


def refuse(param: str, message: str) -> PydanticCustomError:
    """An error of a whole object that names the field it is about."""
    return PydanticCustomError("refused", "{reason}", {"param": param, "reason": message})


def by_type(*known: str) -> Discriminator:
    """Tells the members of a union apart by their `type`; they bear the tags `(…)` of `known`."""

    def tag(value: object) -> str | None:
        if isinstance(value, BaseModel):  # on its way out
            return f"({getattr(value, 'type', known[0])})"
        if not isinstance(value, dict):
            return f"({known[0]})"
        kind = value.get("type")
        return f"({kind})" if kind in known else None

    should = f"it should be {' or '.join(map(repr, known))}"
    return Discriminator(tag, custom_error_type=UNKNOWN_KIND, custom_error_message=should)


def _not_yet(value: object) -> None:
    if value is not None:
        raise PydanticCustomError(
            "unsupported", "this server does not support it; leave it out or send null"
        )


def _boolean(value: object) -> object:
    if isinstance(value, bool):
        return value
    raise PydanticCustomError("bool_type", "it should be a boolean")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def at_most(entries: int) -> BeforeValidator:
    """Counts a dictionary before its entries are looked at."""

    def check(value: object) -> object:
        if isinstance(value, dict) and len(value) > entries:
            raise PydanticCustomError(
                "too_long", "at most {most} entries are allowed", {"most": entries}
            )
        return value

    return BeforeValidator(check)


def _by_token(biases: dict[str, float]) -> dict[int, float]:
    return {int(token): bias for token, bias in biases.items()}


Unsupported = Annotated[None, BeforeValidator(_not_yet)]  # known, but would change the output
OnlyFalse = Annotated[Literal[False], BeforeValidator(_boolean)]  # for Python 0 is the same
Penalty = Annotated[float, Field(ge=-2, le=2)]
TokenID = Annotated[int, Field(ge=0, lt=2**31)]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
ShortText = Annotated[str, StringConstraints(max_length=512)]
Stop = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=1000)]],
    Field(max_length=4),
    BeforeValidator(_as_list),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "maxItems": 4},
            ]
        }
    ),
]
LogitBias = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}$")],
        Annotated[float, Field(ge=-100, le=100)],
    ],
    at_most(MAX_BIASES),
    AfterValidator(_by_token),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "number"}, "maxProperties": MAX_BIASES}
    ),
]


class StreamOptions(Strict):
    include_usage: bool | None = None
    include_obfuscation: bool | None = Field(None, description="Accepted; nothing is added.")


class GeneratingParams(Strict, ABC):
    """What chat completions and completions have in common."""

    model: ModelName | None = Field(None, description="Absent: your organisation's default model.")
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: LogitBias | None = None
    seed: Annotated[int, Field(ge=-INT64, lt=INT64)] | None = None
    stop: Stop | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: ShortText | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="An extension: sample from the k likeliest tokens; 0 is off."
    )
    min_p: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="An extension: drop tokens below this share of the likeliest one's."
    )
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = Field(
        None, description="An extension: above 1 makes repeated tokens less likely; 1 is off."
    )

    @model_validator(mode="after")
    def _stream_options_need_stream(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise refuse("stream_options", "it is only allowed together with stream: true")
        return self

    @property
    @abstractmethod
    def output_limit(self) -> int | None:
        """Tokens for each choice; None: the model's default."""

    @property
    @abstractmethod
    def wants_logprobs(self) -> bool: ...

    @abstractmethod
    def generations(self, generation_id: str, model: str, tenant: str) -> list[GenerationRequest]:
        """What the engine is asked for: one request a prompt."""

    @property
    def choices_each(self) -> int:
        return self.n or 1

    @property
    def wants_usage_chunk(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def sampling(self, **more: Any) -> SamplingParams:
        """Whatever is absent or null keeps the engine's (OpenAI's) default."""
        chosen = {name: value for name in SAMPLED if (value := getattr(self, name)) is not None}
        if self.stop:
            chosen["stop"] = tuple(self.stop)
        return SamplingParams(**chosen, **more)


SAMPLED = (
    "n", "temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty",
    "repetition_penalty", "logit_bias", "seed",
)  # fmt: skip

ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]
