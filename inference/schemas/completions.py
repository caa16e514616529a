"""POST /v1/completions: text or token ids in, several prompts at once, the legacy parameters."""

from dataclasses import replace
from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, model_validator

from inference.engines.base import GenerationRequest
from inference.schemas.fields import (
    MAX_CHOICES,
    GeneratingParams,
    TokenID,
    refuse,
)

DEFAULT_MAX_TOKENS = 16
MAX_TOKEN_IDS = 1_000_000
MAX_BEST_OF = 20


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
    max_tokens: Annotated[int, Field(ge=0, lt=2**31)] | None = Field(
        None, description=f"Absent: {DEFAULT_MAX_TOKENS}. 0 is only allowed with `echo`."
    )
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    best_of: Annotated[int, Field(ge=0, le=MAX_BEST_OF)] | None = Field(
        None,
        description="Generate so many for each prompt and answer with the `n` likeliest by token. "
        "All are charged. Not less than `n`; more than `n` cannot be streamed. 0: as many as `n`.",
    )
    echo: bool | None = Field(
        None, description="Give the prompt back before the answer; with `logprobs` its own, too."
    )
    suffix: str | None = Field(
        None, description="What comes after the text to be written, for models that can fill in."
    )

    @model_validator(mode="after")
    def _some_output(self) -> Self:
        if self.max_tokens == 0 and not self.echo:
            raise refuse("max_tokens", "0 is only allowed together with echo: true")
        if self.suffix is not None and not all(isinstance(one, str) for one in self.prompts):
            raise refuse("suffix", "it is only allowed with prompts that are text")
        return self

    @model_validator(mode="after")
    def _best_of_enough(self) -> Self:
        if self.candidates_each < self.choices_each:
            raise refuse("best_of", "it must not be less than n")
        if self.candidates_each > self.choices_each and self.stream:
            raise refuse("best_of", "more than n cannot be streamed")
        return self

    @model_validator(mode="after")
    def _few_enough_choices(self) -> Self:
        if len(self.prompts) * self.candidates_each > MAX_CHOICES:
            many = "best_of" if self.best_of else "n"
            raise refuse(many, f"prompts times {many} must not be more than {MAX_CHOICES}")
        return self

    @property
    def candidates_each(self) -> int:
        """What is generated for each prompt; the best `choices_each` of them are the answer."""
        return self.best_of or self.choices_each

    @property
    def output_limit(self) -> int:
        return DEFAULT_MAX_TOKENS if self.max_tokens is None else self.max_tokens

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
        """One a prompt; the answer's index is the prompt's place times n plus the choice.

        Candidates are told apart by their log-probabilities, whether the client asked for them or
        not.
        """
        ranked = self.candidates_each > self.choices_each
        sampling = replace(
            self.sampling(logprobs=self.wants_logprobs or ranked, top_logprobs=self.logprobs or 0),
            n=self.candidates_each,
        )
        return [
            GenerationRequest(
                id=f"{generation_id}-{i}" if i else generation_id,
                model=model,
                sampling=sampling,
                prompt=prompt,
                tenant=tenant,
                echo=bool(self.echo),
                suffix=self.suffix,
            )
            for i, prompt in enumerate(self.prompts)
        ]
