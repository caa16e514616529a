"""POST /v1/completions: text or token ids in, several prompts at once, the legacy parameters."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from inference.engines.base import GenerationRequest
from inference.schemas.fields import (
    MAX_CHOICES,
    GeneratingParams,
    TokenID,
    Unsupported,
    refuse,
)

DEFAULT_MAX_TOKENS = 16
MAX_TOKEN_IDS = 1_000_000


def _kind_of_prompt(prompt: object) -> str:
    if not isinstance(prompt, list) or not prompt:
        return "(string)"
    first = prompt[0]
    if isinstance(first, list):
        return "(token lists)"
    return "(strings)" if isinstance(first, str) else "(tokens)"


# fail_fast: one error an item would keep everybody else waiting for seconds.
Tokens = Annotated[list[TokenID], Field(min_length=1, max_length=MAX_TOKEN_IDS, fail_fast=True)]
Prompt = Annotated[
    Annotated[str, Tag("(string)")]
    | Annotated[list[str], Field(max_length=MAX_CHOICES, fail_fast=True), Tag("(strings)")]
    | Annotated[Tokens, Tag("(tokens)")]
    | Annotated[list[Tokens], Field(max_length=MAX_CHOICES, fail_fast=True), Tag("(token lists)")],
    Discriminator(_kind_of_prompt),
]


class CompletionRequest(GeneratingParams):
    prompt: Prompt
    max_tokens: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(
        None, description=f"Absent: {DEFAULT_MAX_TOKENS}."
    )
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    best_of: Literal[1] | None = Field(None, description="More than 1 is not supported.")
    echo: Literal[False] | None = Field(None, description="Not supported.")
    suffix: Unsupported = None

    @model_validator(mode="after")
    def _few_enough_choices(self) -> Self:
        if len(self.prompts) * self.choices_each > MAX_CHOICES:
            raise refuse("n", f"prompts times n must not be more than {MAX_CHOICES}")
        return self

    @property
    def output_limit(self) -> int:
        return self.max_tokens or DEFAULT_MAX_TOKENS

    @property
    def prompts(self) -> list[str | tuple[int, ...]]:
        prompt = self.prompt
        if isinstance(prompt, str):
            return [prompt]
        if isinstance(prompt[0], int):
            return [tuple(token for token in prompt if isinstance(token, int))]
        return [
            part if isinstance(part, str) else tuple(part)
            for part in prompt
            if not isinstance(part, int)
        ]

    @property
    def wants_logprobs(self) -> bool:
        return self.logprobs is not None

    def generations(self, generation_id: str, model: str, tenant: str) -> list[GenerationRequest]:
        """One a prompt; the answer's index is the prompt's place times n plus the choice."""
        sampling = self.sampling(logprobs=self.wants_logprobs, top_logprobs=self.logprobs or 0)
        prompts = self.prompts
        ids = [f"{generation_id}-{i}" if i else generation_id for i in range(len(prompts))]
        return [
            GenerationRequest(one, model, sampling, prompt=prompt, tenant=tenant)
            for one, prompt in zip(ids, prompts, strict=True)
        ]
