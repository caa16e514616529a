"""Refusals in the chatbot's words: visitors learn that it rests, not what its owner has left."""

from contextlib import suppress
from typing import Final

from api import database
from api.errors import ApiError, BudgetExhausted, DatabaseUnavailable, InsufficientBalance
from chatbots.conversing.speaker import Speaker
from chatbots.finding import Live


async def in_its_words(live: Live, speaker: Speaker, error: ApiError) -> ApiError:
    if isinstance(error, BudgetExhausted):
        with suppress(DatabaseUnavailable):
            async with database.connection() as connection:
                await connection.execute(_RESTED, {"id": live.chatbot_id})
    out_of_money = isinstance(error, BudgetExhausted | InsufficientBalance)
    if not out_of_money or speaker.sees_costs:
        return error
    kind = InsufficientBalance if isinstance(error, InsufficientBalance) else BudgetExhausted
    return kind(live.configuration.budget.resting_text or "This assistant is resting.")


_RESTED: Final = "UPDATE chatbots_chatbot SET rested_at = now() WHERE id = %(id)s"
