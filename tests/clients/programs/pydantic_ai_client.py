"""pydantic-ai: an agent with a tool, typed output, streaming."""

import asyncio
from typing import Any

from pydantic import BaseModel
from pydantic_ai import (  # type: ignore[import-not-found]  # only in the client's own environment
    Agent,
    ModelHTTPError,
    NativeOutput,
)
from pydantic_ai.models.openai import (  # type: ignore[import-not-found]  # as above
    OpenAIChatModel,
    OpenAIResponsesModel,
)
from pydantic_ai.providers.openai import (  # type: ignore[import-not-found]  # as above
    OpenAIProvider,
)
from scenarios import (  # type: ignore[import-not-found]  # beside this file, where it is run
    ASK,
    BASE_URL,
    DESCRIBE,
    KEY,
    MODEL,
    SAY,
    WEATHER,
    WRONG_KEY,
    report,
)


class Person(BaseModel):
    name: str
    age: int


def model(name: str = MODEL, key: str = KEY) -> Any:
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=BASE_URL, api_key=key))


def counted(usage: Any) -> dict[str, int]:
    return {"prompt": usage.input_tokens, "completion": usage.output_tokens}


def chat() -> dict[str, Any]:
    run = Agent(model()).run_sync(SAY)
    return {"text": run.output, "usage": counted(run.usage)}


def stream() -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        async with Agent(model()).run_stream(SAY) as run:
            text = "".join([piece async for piece in run.stream_text(delta=True)])
            return {"text": text, "usage": counted(run.usage)}

    return asyncio.run(read())


def tool() -> dict[str, Any]:
    return _ask(model())


def structured() -> dict[str, Any]:
    person: dict[str, Any] = (
        Agent(model(), output_type=NativeOutput(Person)).run_sync(DESCRIBE).output.model_dump()
    )
    return person


def missing_model() -> dict[str, Any]:
    return {"status": _refused(model(name="no-such-model"))}


def wrong_key() -> dict[str, Any]:
    return {"status": _refused(model(key=WRONG_KEY))}


def response_tool() -> dict[str, Any]:
    provider = OpenAIProvider(base_url=BASE_URL, api_key=KEY)
    return _ask(OpenAIResponsesModel(MODEL, provider=provider))


def _ask(served: Any) -> dict[str, Any]:
    called: dict[str, Any] = {}
    agent = Agent(served)

    @agent.tool_plain  # type: ignore[untyped-decorator]  # untyped where it is not installed
    def get_weather(city: str) -> str:
        """Get the current weather for a city"""
        called.update(name="get_weather", city=city)
        return str(WEATHER)

    text = agent.run_sync(ASK).output
    return {**called, "text": text}


def _refused(served: Any) -> int | None:
    try:
        Agent(served).run_sync(SAY)
    except ModelHTTPError as error:
        return int(error.status_code)
    return None


report(chat, stream, tool, structured, missing_model, wrong_key, response_tool)
