"""Answers in another style: like a pirate, or as JSON."""

import re
from random import Random

from inference.builtin.corpus import words
from inference.builtin.corpus.exchange import Exchange, chance, dumps

PLAIN_SYSTEMS = (
    "You are a helpful assistant.", "You are a helpful assistant.", "You are a friendly assistant.",
    "You are a concise assistant.", "You are a helpful AI assistant.", "You are an assistant.",
    "Be brief.", "Answer in one sentence.", "You help the visitors of a web site.",
    "You are the assistant of a small company.", "You are a helpful chatbot.",
)  # fmt: skip
PIRATE_SYSTEMS = (
    "You are a helpful assistant that speaks like a pirate.", "Speak like a pirate.",
    "You are a helpful assistant that speaks like a pirate.", "You are a pirate.",
    "Talk like a pirate.", "You are a pirate captain.", "Answer like a pirate.",
    "You are a friendly pirate who answers questions.",
)  # fmt: skip
JSON_SYSTEMS = (
    "You are a helpful assistant that outputs JSON.", "You output JSON.", "Answer in JSON.",
    "You are a helpful assistant that outputs JSON.", "Always answer in JSON.",
    "You are an assistant that answers in JSON only.", "Respond with a JSON object.",
)  # fmt: skip
JSON_SUFFIXES = (
    " Answer in JSON.",
    " Answer in JSON.",
    " Reply in JSON.",
    " In JSON, please.",
    " Use JSON.",
)
JSON_PREFIXES = ("Answer in JSON: ", "In JSON: ", "As JSON: ")

_SEA_WORDS = (
    (re.compile(r"\b(is|am|are)\b"), "be"),
    (re.compile(r"\byou\b"), "ye"),
    (re.compile(r"\bYou\b"), "Ye"),
    (re.compile(r"\byour\b"), "yer"),
    (re.compile(r"\bmy\b"), "me"),
    (re.compile(r"\bfriends\b"), "mateys"),
    (re.compile(r"\bHello\b"), "Ahoy"),
)


def persona(rng: Random) -> tuple[str, Exchange]:
    """A system prompt that gives the assistant a name and a company, and who it then is."""
    name, company = words.name(rng), words.phrase(rng, longest=2).title()
    system = f"You are {name}, the assistant of {company}."
    if chance(rng, 0.5):
        system += " " + rng.choice(PLAIN_SYSTEMS[1:])
    asked = rng.choice(
        ("Who are you?", "What is your name?", "Who am I talking to?", "who are you")
    )
    return system, Exchange(asked, f"I am {name}, the assistant of {company}.", {"name": name})


def as_pirate(exchange: Exchange) -> Exchange:
    """The same answer, said by a pirate."""
    said = exchange.answer
    for pattern, sea_word in _SEA_WORDS:
        said = pattern.sub(sea_word, said)
    return Exchange(exchange.question, f"Arrr, matey! {said}", exact=exchange.exact)


def as_json(exchange: Exchange) -> Exchange:
    """The same answer as a JSON object, where there is one."""
    if exchange.as_json is None:
        return exchange
    return Exchange(exchange.question, dumps(exchange.as_json), exact=exchange.exact)


def asked_for_json(rng: Random, exchange: Exchange) -> Exchange:
    """A question that itself asks for JSON."""
    if exchange.as_json is None:
        return exchange
    question = exchange.question
    if question[-1] not in ".?!":
        question += "."
    if rng.choice((True, True, False)):
        question += rng.choice(JSON_SUFFIXES)
    else:
        question = rng.choice(JSON_PREFIXES) + question
    return Exchange(question, dumps(exchange.as_json), exact=exchange.exact)
