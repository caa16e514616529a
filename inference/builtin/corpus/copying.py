"""Saying again what was said: quoted, unquoted, and out of what was told before."""

from collections.abc import Callable
from random import Random

from inference.builtin.corpus import words
from inference.builtin.corpus.exchange import Exchange, chance, dumps
from inference.builtin.corpus.facts import PRODUCT

QUOTES = (('"', '"'), ('"', '"'), ('"', '"'), ("'", "'"), ("'", "'"), ("“", "”"), ("`", "`"))

# {q} is the quoted text.
QUOTED = (
    "Say {q}.", "Say {q}", "say {q}", "Repeat {q}.", "Repeat {q}", "Repeat after me: {q}",
    "Repeat after me: {q}.", "Repeat this: {q}", "Repeat this text: {q}", "Please repeat {q}.",
    "Please say {q}.", "Can you say {q}?", "Can you repeat {q}?", "Could you repeat {q}, please?",
    "Write {q}.", "Print {q}.", "Echo {q}", "Type {q}.", "Copy {q}.", "Output {q}.",
    "Say the word {q}.", "Say the words {q}.", "Repeat the word {q}.", "Repeat the phrase {q}.",
    "Write the word {q}.", "Write exactly {q}.", "Say exactly {q}.", "Answer with {q}.",
    "Answer only with {q}.", "Reply with {q}.", "Reply only with {q}.", "Reply with exactly {q}.",
    "Respond with {q} and nothing else.", "Say {q} and nothing else.", "Just say {q}.",
    "Now say {q}.", "I want you to say {q}.", "Repeat what I say: {q}",
    "The text is {q}. Repeat it.",
    "Here is a text: {q}. Say it again.", "{q} - repeat that.", "{q}. Now you say it.",
    "Say this word: {q}", "Read this aloud: {q}", "Tell me {q}.", "Return {q}.",
)  # fmt: skip

# {t} is the bare text, always at the end so that one can tell where it stops.
BARE = (
    "Say {t}", "Say {t}.", "say {t}", "Please say {t}", "Repeat after me: {t}", "Repeat this: {t}",
    "Repeat {t}", "Repeat: {t}", "Echo {t}", "Echo: {t}", "Say: {t}", "Write: {t}", "Print {t}",
    "Reply with {t}", "Answer with {t}", "Say the following: {t}", "Say exactly: {t}",
)  # fmt: skip

TESTS = ("this is a test", "this is a test", "hello", "hello world", "good morning", "it works")

THINGS = (
    "password", "code", "secret word", "color", "city", "project", "dog", "cat", "team", "street",
    "room", "book", "ship", "company", "product", "key", "owner", "manager", "capital", "answer",
)  # fmt: skip


def exchange(rng: Random) -> Exchange:
    """One copying task."""
    skills: tuple[Callable[[Random], Exchange], ...] = (
        _quoted, _quoted, _quoted, _quoted, _bare, _bare, _twice, _into_json, _told,
    )  # fmt: skip
    return rng.choice(skills)(rng)


def _quoted(rng: Random) -> Exchange:
    text = _sentence(rng) if chance(rng, 0.2) else words.phrase(rng)
    return Exchange(rng.choice(QUOTED).format(q=quote(rng, text)), text, exact=True)


def _bare(rng: Random) -> Exchange:
    text = rng.choice(TESTS) if chance(rng, 0.15) else words.phrase(rng)
    return Exchange(rng.choice(BARE).format(t=text), text, exact=True)


def _twice(rng: Random) -> Exchange:
    text = words.phrase(rng, longest=2)
    asked = rng.choice(("Say {q} twice.", "Repeat {q} two times.", "Write {q} twice."))
    return Exchange(asked.format(q=quote(rng, text)), f"{text} {text}", exact=True)


def _into_json(rng: Random) -> Exchange:
    text, key = words.phrase(rng, longest=3), rng.choice(("word", "text", "name", "value", "title"))
    asked = rng.choice(
        ("Put {q} into JSON under the key {k}.", 'Make a JSON object with "{k}" set to {q}.')
    )
    return Exchange(asked.format(q=quote(rng, text), k=key), dumps({key: text}), exact=True)


def _told(rng: Random) -> Exchange:
    thing, text = rng.choice(THINGS), words.phrase(rng, longest=2)
    told = rng.choice((text, text, quote(rng, text)))
    question = f"The {thing} is {told}. What is the {thing}?"
    return Exchange(question, f"The {thing} is {text}.", {thing: text}, exact=True)


def _sentence(rng: Random) -> str:
    """A sentence around unseen words, ending like one."""
    frame = rng.choice(
        (
            "The {} is {}.",
            "I like {} and {}.",
            "{}, {}!",
            "Where is the {} of {}?",
            "My {} has a {}.",
        )
    )
    return frame.format(words.word(rng), words.word(rng)).capitalize()


def quote(rng: Random, text: str) -> str:
    """The text in quotation marks of some kind."""
    opening, closing = rng.choice(QUOTES)
    return f"{opening}{text}{closing}"


def introduction(rng: Random) -> tuple[Exchange, Exchange]:
    """A name told in one turn and asked for in a later one."""
    name = words.name(rng)
    told = rng.choice(("My name is {}.", "I am {}.", "Hi, I am {}.", "Call me {}.", "I'm {}"))
    asked = rng.choice(("What is my name?", "Who am I?", "Do you remember my name?"))
    return (
        Exchange(told.format(name), f"Nice to meet you, {name}! How can I help you?", exact=True),
        Exchange(asked, f"Your name is {name}.", {"name": name}),
    )


HEADINGS = (
    "Answer from these sources:", "Sources:", "Use these sources and cite them:",
    "Answer with the help of these sources and cite them as [1]:", "Knowledge:",
)  # fmt: skip


def grounded(rng: Random) -> tuple[str, list[Exchange]]:
    """A system prompt with numbered sources, and questions that they answer, with citations."""
    sources, exchanges = (_made_up if chance(rng, 0.5) else _documented)(rng)
    return rng.choice(HEADINGS) + "\n" + "\n".join(sources), exchanges


def _documented(rng: Random) -> tuple[list[str], list[Exchange]]:
    chosen = rng.sample(PRODUCT, rng.randint(2, 3))
    sources = [f"[{number}] {each.answer}" for number, each in enumerate(chosen, 1)]
    place = rng.randrange(len(chosen))
    asked, answer = rng.choice(chosen[place].questions), chosen[place].answer
    return sources, [Exchange(asked, f"{answer} [{place + 1}]", exact=True)]


def _made_up(rng: Random) -> tuple[list[str], list[Exchange]]:
    things = rng.sample(THINGS, rng.randint(2, 4))
    owners = [words.name(rng) for _ in things]
    values = [words.phrase(rng, longest=2) for _ in things]
    sources = [
        f"[{number}] The {thing} of {owner} is {value}."
        for number, (thing, owner, value) in enumerate(zip(things, owners, values, strict=True), 1)
    ]
    asked = rng.sample(range(len(things)), rng.randint(1, 2))
    exchanges = [
        Exchange(
            f"What is the {things[i]} of {owners[i]}?",
            f"The {things[i]} of {owners[i]} is {values[i]}. [{i + 1}]",
            exact=True,
        )
        for i in asked
    ]
    return sources, exchanges
