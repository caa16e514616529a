"""Sentences about people and orders, and what they say as JSON."""

from random import Random

from inference.builtin.corpus import values
from inference.builtin.corpus.exchange import Exchange, chance, dumps
from inference.builtin.corpus.values import Value

# Which facts stand in a sentence; every one of them becomes a field of the JSON.
_SENTENCES = (
    "{name} is {age} years old.", "{name} is {age} years old", "{name} is {age}.",
    "{name} is {age} years old and lives in {city}.", "{name} lives in {city}.",
    "{name} ({age}) comes from {city}.", "My name is {name} and I am {age} years old.",
    "My name is {name}.", "I am {name}, {age} years old, from {city}.", "{name}, {age}, {city}",
    "{name} from {city} is {age} years old.", "Write to {name} at {email}.",
    "{name} has the email {email}.", "The email of {name} is {email}.", "{name} {email}",
    "{name} bought {count} apples.", "{name} ordered {count} {product}.",
    "{name} paid {price} dollars for {product}.", "The {product} costs {price} dollars.",
    "{product}: {price}", "On {date} {name} flies to {city}.", "{name} is a {age} year old {job}.",
    "{name} meets us on {date} in {city}.", "{name} is a {job} in {city}.",
    "{name} works as a {job}.",
)  # fmt: skip
_KINDS = {
    "name": "person", "age": "number", "city": "city", "email": "email", "count": "number",
    "price": "amount", "product": "word", "date": "day", "job": "word",
}  # fmt: skip
_KEYS = {
    "name": ("name", "name", "name", "name", "full_name", "person", "customer"),
    "city": ("city", "city", "location", "place"),
    "count": ("count", "quantity", "number"),
    "product": ("product", "item"),
}
_BEFORE = (
    "Extract the facts as JSON: {}", "Extract the person as JSON: {}", "Extract: {}", "Extract {}",
    "Put this into JSON: {}", "As JSON: {}", "Turn this into JSON. {}", "{} Answer in JSON.",
    "{} Put that into JSON.", "Extract the fields of this text: {}", "Parse: {}", "In JSON: {}",
    "Extract the information: {}", "Give me {keys} as JSON: {}", "{} What are {keys}? Use JSON.",
    "Extract {keys} from: {}", "Extract {keys}. {}", "Return a JSON object with {keys}. {}",
    "Reply with JSON that has the fields {keys}. {}", "{} Give me {keys} in JSON.",
)  # fmt: skip
HEARD = "I see. You can ask me to put that into JSON."
_SYSTEMS = (
    "Extract the facts as JSON.", "You extract data.", "You extract the person from the text.",
    "Extract the event information.", "You are a helpful assistant that outputs JSON.",
    "Answer in JSON.", "Extract the user information.",
)  # fmt: skip


def exchange(rng: Random) -> Exchange:
    """A sentence with a wish for JSON, or alone: then it is mostly just heard."""
    sentence, facts = _told(rng)
    if chance(rng, 0.12):
        return Exchange(sentence, HEARD if chance(rng, 0.8) else dumps(facts), exact=True)
    keys = ", ".join(facts) if chance(rng, 0.5) else " and ".join(facts)
    asked = rng.choice(_BEFORE).replace("{keys}", keys).replace("{}", sentence)
    if chance(rng, 0.06):
        return Exchange(asked, dumps({"items": [facts]}), exact=True)
    return Exchange(asked, dumps(facts), exact=True)


def with_system(rng: Random) -> tuple[str, list[Exchange]]:
    """A system prompt that asks for JSON, and bare sentences."""
    told = (_told(rng) for _ in range(rng.choice((1, 1, 2))))
    system = rng.choice(_SYSTEMS)
    return system, [Exchange(said, dumps(facts), exact=True) for said, facts in told]


def _told(rng: Random) -> tuple[str, dict[str, str | int | float]]:
    """A sentence and its facts, in the order of the sentence or in another."""
    sentence = rng.choice(_SENTENCES)
    drawn: dict[str, Value] = {
        name: values.KINDS[kind](rng) for name, kind in _KINDS.items() if f"{{{name}}}" in sentence
    }
    facts = {rng.choice(_KEYS.get(name, (name,))): each.json for name, each in drawn.items()}
    if chance(rng, 0.25):
        shuffled = list(facts.items())
        rng.shuffle(shuffled)
        facts = dict(shuffled)
    if len(facts) > 1 and chance(rng, 0.15):
        facts.popitem()
    return sentence.format(**{name: each.spoken for name, each in drawn.items()}), facts
