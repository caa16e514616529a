"""An engine seen through one of its adapters: the same process, the same batch, another model."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from inference.engines.base import (
    Classified,
    Delta,
    Embedded,
    Engine,
    EngineInfo,
    GenerationRequest,
    InvalidGeneration,
    Prepared,
    Text,
    Tokenised,
)


class AdaptedEngine:
    """`engine` serves the base, and stays whoever's it is: closing this closes nothing."""

    def __init__(self, engine: Engine, adapter: str) -> None:
        self._engine = engine
        self._adapter = adapter

    async def prepare(self, request: GenerationRequest) -> Prepared:
        return await self._engine.prepare(replace(request, adapter=self._adapter))

    def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        return self._engine.generate(prepared, max_tokens)

    async def tokenise(self, texts: Sequence[Text]) -> Tokenised:
        return await self._engine.tokenise(texts)

    async def embed(self, texts: Sequence[Text], *, tenant: str = "") -> Embedded:
        raise _refusal()

    async def classify(self, texts: Sequence[Text], *, tenant: str = "") -> Classified:
        raise _refusal()

    async def info(self) -> EngineInfo:
        return await self._engine.info()

    async def close(self) -> None: ...


def _refusal() -> InvalidGeneration:
    return InvalidGeneration("A fine-tuned model generates. Ask its base to read texts.", "model")
