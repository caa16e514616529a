"""Counting a request's tokens, when nothing is to be generated from it."""

from inference.engines.base import Engine, GenerationRequest, Prepared


async def counted(engine: Engine, request: GenerationRequest) -> Prepared:
    """As `engine.prepare`, but the engine keeps nothing of it."""
    prepared = await engine.prepare(request)
    prepared.drop()
    return prepared
