"""Runs: the story of a generation, from hold to settlement, told by a task that no client can cut.

`start(order)` makes a Run, `run.events()` reads it, `drain()` waits for all of them at the end.
"""

from inference.runs.answers import ChoiceAnswer
from inference.runs.lifetime import drain, open_runs, start
from inference.runs.order import BATCH, NO_CHATBOT, IdempotencyKey, OfChatbot, Order
from inference.runs.reading import Reader
from inference.runs.run import Record, Run

__all__ = [
    "BATCH",
    "NO_CHATBOT",
    "ChoiceAnswer",
    "IdempotencyKey",
    "OfChatbot",
    "Order",
    "Reader",
    "Record",
    "Run",
    "drain",
    "open_runs",
    "start",
]
