"""A chatbot as it is found, without a database."""

from typing import Any

from chatbots.configuration import Configuration
from chatbots.finding import Live


def live(token_generation: int = 1, chatbot_id: str = "bot_1", **configuration: Any) -> Live:
    return Live(
        chatbot_id=chatbot_id,
        organisation_id="org_1",
        name="support",
        slug="bakery-support",
        title="Support",
        version_number=3,
        configuration=Configuration(**configuration),
        state="live",
        token_generation=token_generation,
        key_id="key_1",
        store_id="",
    )
