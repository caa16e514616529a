"""`model: "chatbot/<name>"`: a chatbot for any client of OpenAI's, which keeps its own history.

Its prompt, knowledge and settings are the live version's; what the call itself gives wins, but for
the model and the prompt. Nothing of it is kept as a conversation.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from accounts.authentication import Caller
from api.errors import ChatbotUnavailable, InvalidRequest, NotFound
from chatbots import citing, finding, fitting, retrieval
from chatbots.conversing.drafting import charged, variables
from chatbots.conversing.speaker import Speaker
from chatbots.finding import Live
from chatbots.prompting import Material
from inference import catalog
from inference.catalog import CatalogEntry
from inference.engines.base import GenerationRequest, Message, SamplingParams
from inference.gateway.admission import model_for
from inference.responses.output import Annotate
from inference.runs import Order

PREFIX: Final = "chatbot/"
CAPABILITY: Final = "chat"
SETTINGS: Final = ("temperature", "top_p", "stop")
FORMS: Final = {"response_format", "text"}


async def find(name: str, caller: Caller, capability: str) -> "ChatbotModel":
    """Raises ModelNotFound, ChatbotUnavailable, InvalidRequest (it only chats)."""
    if capability != CAPABILITY:
        raise InvalidRequest(
            f"The model `{name[:200]}` does not serve this; it can: chat.",
            param="model",
            code="unsupported_model",
        )
    try:
        live = await finding.by_name(caller.organisation_id, name.removeprefix(PREFIX))
    except NotFound:
        raise catalog.not_found(name) from None
    if not live.answers:
        raise ChatbotUnavailable("This chatbot is paused or not published yet.", param="model")
    entry = await model_for(live.configuration.model, caller, CAPABILITY)
    return ChatbotModel(live, caller, replace(entry, requested=name))


@dataclass(frozen=True, slots=True)
class ChatbotModel:
    live: Live
    caller: Caller
    entry: CatalogEntry

    async def dressed(self, order: Order, given: Collection[str]) -> tuple[Order, Annotate | None]:
        """Raises InvalidRequest (`input_too_long`)."""
        configuration = self.live.configuration
        (asked,) = order.generations
        history, newest = parted(asked.messages)
        found = await retrieval.passages(self.live, newest[0].content, history)
        speaker = Speaker(self.live.organisation_id, self.caller.key_id, caller=self.caller)
        material = Material(configuration, variables(self.live, speaker), found, history, newest)
        dressed, plan = await fitting.fitting(self._set(asked, given), material, self.entry)
        order = replace(
            order,
            generations=[dressed],
            output_limit=order.output_limit or configuration.max_output_tokens,
            chatbot=charged(self.live),
        )
        cited = found[: plan.passages] if configuration.knowledge.citations else []
        return order, partial(citing.annotations, cited) if cited else None

    def _set(self, asked: GenerationRequest, given: Collection[str]) -> GenerationRequest:
        """With the chatbot's settings where the call has none of its own."""
        configuration = self.live.configuration
        changes: dict[str, Any] = {
            name: _plain(getattr(configuration, name)) for name in SETTINGS if name not in given
        }
        sampling: SamplingParams = replace(asked.sampling, **changes)
        tools = asked.tools or tuple(tool.for_engine() for tool in configuration.tools)
        form = configuration.response_format
        if form and not tools and not FORMS & set(given):
            return replace(asked, sampling=sampling, response_format=form.for_engine())
        return replace(asked, sampling=sampling, tools=tools)


def parted(messages: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
    """What came before, and the newest question with all that followed on it (calls, results)."""
    places = [place for place, said in enumerate(messages) if said.role == "user"]
    at = places[-1] if places else len(messages) - 1
    return messages[:at], messages[at:]


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
