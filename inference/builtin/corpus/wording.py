"""Asks the same thing in other words: without capitals, politely, in a hurry, with a reason."""

from dataclasses import replace
from random import Random

from inference.builtin.corpus.exchange import Exchange, chance

BEFORE = (
    "Please tell me: ", "Hey, ", "Quick question: ", "Hi! ", "Hello. ", "One more thing: ", "OK. ",
    "Now: ", "So, ", "A question: ", "Next: ", "I have a question. ", "For my homework: ",
    "I wonder: ", "Hello there! ", "And now: ", "Let me ask: ", "Well, ", "Help me: ", "Good. ",
    "I need help. ", "My boss asks: ", "My sister wants to know: ", "Test: ",
    "Here is my question: ", "Sorry, one more: ", "Thanks! ", "Tell me this: ",
    "I was wondering: ", "Dear assistant, ",
)  # fmt: skip
AFTER = (
    " Thanks!", " Thank you.", " Please.", " I forgot.", " I need it for school.", " Quickly!",
    " Do you know?", " It is important.", " I am not sure.", " Can you help?", " Just the answer.",
    " Go!", " My teacher asked me.", " I would be glad.", " Thanks in advance.", " OK?",
)  # fmt: skip
# For what begins with a verb: "Count to 5." becomes "Would you count to 5?"
WISHES = (
    "Could you {}?", "Can you {}?", "Would you {}?", "Please {}.", "I want you to {}.",
    "I would like you to {}.", "Will you {}?", "Try to {}.", "Let me see you {}.", "Now {}.",
    "Could you please {}?", "Can you please {}?", "Would you please {} now?", "Can you {} now?",
    "You may {}.", "Next, {}.", "I ask you to {}.", "It is time to {}.", "Please {} again.",
    "Are you able to {}?", "Would you mind to {}?", "I need you to {}.", "Please just {}.",
)  # fmt: skip
_VERBS = (
    "Say Repeat Write Print Echo Type Copy Output Answer Reply Respond Return Count List Show Name "
    "Tell Give Add Calculate Compute Make Put Describe Explain Find Solve Evaluate Read"
)
_FIRST_WORDS = frozenset(_VERBS.split())


def reworded(rng: Random, made: Exchange) -> Exchange:
    """The exchange, in about half of the cases with its question asked differently."""
    question = made.question
    if chance(rng, 0.22) and _is_a_wish(question):
        question = _wished(rng, question)
    if chance(rng, 0.12) and not made.exact:
        question = question.lower()
    if chance(rng, 0.1):
        question = question.rstrip("?.!")
    if chance(rng, 0.12):
        question = rng.choice(BEFORE) + question
    if chance(rng, 0.08) and not made.exact and question[-1] in ".?!":
        question += rng.choice(AFTER)
    return replace(made, question=question)


def _is_a_wish(question: str) -> bool:
    return (
        question.split(" ", 1)[0] in _FIRST_WORDS
        and question[-1] == "."
        and question.count(". ") == 0
    )


def _wished(rng: Random, question: str) -> str:
    bare = question[0].lower() + question[1:].rstrip(".")
    return rng.choice(WISHES).format(bare)
