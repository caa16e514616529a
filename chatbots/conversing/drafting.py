"""From a message to what a Run is asked for: its model, its prompt, its price, its payer."""

from datetime import UTC, datetime
from typing import Final

from accounts.authentication import Caller
from api import rate_limits
from chatbots import fitting, retrieval
from chatbots.conversing import history
from chatbots.conversing.answering import Draft
from chatbots.conversing.claims import Claim, Said
from chatbots.conversing.speaker import Speaker
from chatbots.finding import Live
from chatbots.prompting import Material
from inference.engines.base import GenerationRequest, Message, SamplingParams
from inference.gateway.admission import model_for
from inference.responses import body
from inference.runs import OfChatbot, Order
from inference.schemas.responses import ResponseRequest

CAPABILITY: Final = "chat"
UNBOUNDED: Final = rate_limits.Limits(10**9, 10**12)
"""Visitors have their chatbot's limits and budget; its publishable key has none of its own."""


async def drafted(live: Live, speaker: Speaker, said: Said, claimed: Claim) -> tuple[Draft, Order]:
    """Raises ApiError: no such model, a message that is too long, …"""
    configuration, caller = live.configuration, payer(live, speaker)
    entry = await model_for(configuration.model, caller, CAPABILITY)
    before = await history.before(claimed.conversation_id, claimed.response_id)
    question = Message("user", said.text)
    found = await retrieval.passages(live, said.text, before)
    request, plan = await fitting.fitting(
        generation(live, claimed.response_id.replace("resp_", "gen_", 1), entry.id),
        Material(configuration, variables(live, speaker), found, before, [question]),
        entry,
    )
    order = Order(
        id=request.id,
        caller=caller,
        request=None,
        entry=entry,
        generations=[request],
        output_limit=configuration.max_output_tokens,
        streamed=True,
        stored=True,
        chatbot=charged(live),
    )
    draft = Draft(
        claim=claimed,
        body=_body(live, said, claimed),
        passages=found[: plan.passages] if configuration.knowledge.citations else (),
        shows_cost=speaker.sees_costs,
        stop_when_alone=configuration.stop_when_alone,
    )
    return draft, order


def payer(live: Live, speaker: Speaker) -> Caller:
    """The API key that asks, else the chatbot's publishable key on its owner's account."""
    return speaker.caller or Caller(
        organisation_id=live.organisation_id,
        key_id=live.key_id,
        meter_id=live.chatbot_id,
        scopes=frozenset({"inference"}),
        allowed_models=None,
        limits=UNBOUNDED,
        default_model=live.default_model,
        budget_nano=None,
        budget_period=None,
        user_id=None,
    )


def generation(live: Live, generation_id: str, model: str) -> GenerationRequest:
    """Without its messages, which have to fit."""
    configuration = live.configuration
    form = configuration.response_format
    return GenerationRequest(
        id=generation_id,
        model=model,
        sampling=SamplingParams(
            temperature=configuration.temperature,
            top_p=configuration.top_p,
            stop=tuple(configuration.stop),
        ),
        tenant=live.organisation_id,
        response_format=form.for_engine() if form else None,
    )


def charged(live: Live) -> OfChatbot:
    budget = live.configuration.budget
    return OfChatbot(live.chatbot_id, budget.day_nano, budget.month_nano)


def variables(live: Live, speaker: Speaker) -> dict[str, str]:
    """What `{{…}}` means now; the visitor's are what a signed token says."""
    page = speaker.page or {}
    claims = {f"visitor.{name}": value for name, value in speaker.claims.items()}
    return {
        **claims,
        "visitor.id": speaker.visitor_id or "",
        "page.title": page.get("title", ""),
        "page.path": page.get("origin_path", ""),
        "page.origin": speaker.origin or "",
        "locale": speaker.locale or "",
        "chatbot.name": live.name,
        "chatbot.title": live.title,
        "date": datetime.now(UTC).date().isoformat(),
    }


def _body(live: Live, said: Said, claimed: Claim) -> dict[str, object]:
    """What is shown of the request is the speaker's part of it: never the chatbot's prompt."""
    shown = ResponseRequest.model_validate(
        {"input": said.text, "metadata": dict(said.metadata or {}), "stream": True}
    )
    return {
        **body.queued(shown, claimed.response_id, f"chatbot/{live.name}"),
        "conversation": {"id": claimed.conversation_id},
    }
