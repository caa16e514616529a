"""Speaking with a chatbot: the verb behind the websocket, the prompt route and the playground.

    begin            a message in, a Turn out, whose answer is made whoever listens
    find             the Turn of an answer, running or done, to be resumed
    items            what was said; feedback, seen, limits_of, new_conversation, active beside it

An answer's events are the Responses', with citations as annotations; its text is in Postgres
before anybody sees its end.
"""

from chatbots.conversing.beginning import begin, find
from chatbots.conversing.keeping import (
    active,
    feedback,
    items,
    latest,
    limits_of,
    new_conversation,
    seen,
    visitor_of,
)
from chatbots.conversing.speaker import Speaker
from chatbots.conversing.turn import Turn

__all__ = [
    "Speaker",
    "Turn",
    "active",
    "begin",
    "feedback",
    "find",
    "items",
    "latest",
    "limits_of",
    "new_conversation",
    "seen",
    "visitor_of",
]
