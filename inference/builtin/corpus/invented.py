"""Functions that nobody has seen, of verbs and things at random: any function can be called."""

from random import Random

from inference.builtin.corpus import reserved, words
from inference.builtin.corpus.exchange import chance
from inference.builtin.corpus.functions import Finding, Function, Slot

_VERBS = """
find get lookup show fetch check update delete add create open close move rename start stop list
count describe compare buy sell rent order print share invite block count_all archive export
call make send set rate reserve cancel track write read turn plan notify assign upload load ask
"""
_THINGS = """
user customer order contact member invoice employee device project file folder room ticket
product account report patient student course recipe movie book car train station hotel route
planet album photo page server domain price holiday team league player country currency
"""
VERBS, THINGS = tuple(_VERBS.split()), tuple(_THINGS.split())
_KEYS = {
    "person": ("name", "person", "owner", "author", "user", "assignee", "driver", "player"),
    "city": ("city", "place", "location", "region", "station", "stop", "address"),
    "quoted": ("title", "text", "comment", "label", "subject", "message", "note"),
    "word": ("tag", "color", "category", "status", "type", "word", "brand"),
    "number": ("count", "size", "amount", "level", "page", "age", "limit", "floor", "year"),
    "code": ("id", "number", "code", "key", "serial"),
    "email": ("email", "mail", "contact"),
    "clock": ("time", "hour", "start"),
    "day": ("day", "date", "due"),
}
_ONE = (
    "{verb} the {thing} {one}.", "{verb} {thing} {one}", "Please {verb} the {thing} {one}.",
    "{verb} the {thing} of {one}.", "I need the {thing} {one}.", "{thing} {one}?",
    "Can you {verb} the {thing} {one}?", "{verb} a {thing} for {one}.",
    "{verb} the {thing} with the {key} {one}.", "{verb} a {thing}, {key} {one}.",
    "What is the {thing} of {one}?", "{verb} {one}.", "Which {thing} has the {key} {one}?",
    "{verb} a {thing} in {one}.", "{verb} a {thing} from {one}.", "{verb} {thing}: {one}",
)  # fmt: skip
_TWO = (
    "{verb} the {thing} with the {key} {one} and the {other} {two}.",
    "{verb} a {thing}, {key} {one}, {other} {two}.", "{verb} {thing} {key}: {one}, {other}: {two}",
    "{verb} the {thing} {one} with {other} {two}.", "{verb} a {thing} for {one}, {other} {two}.",
    "{verb} a {thing} {one} for {two}.", "{verb} the {thing} {one} to {two}.",
    "{verb} {one} with {two}.",
    "{verb} the {thing} {one} with {two} {other}.", "{verb} a {thing} in {one} for {two} {other}.",
    "{verb} {thing} {one} for {two}", "{verb} a {thing} {one}, {two}.",
    "Please {verb} a {thing} with {key} {one} and {other} {two}.",
    "The {key} is {one} and the {other} is {two}. {verb} the {thing}.",
)  # fmt: skip


def function(rng: Random) -> Function:
    """A function that was made up just now."""
    if chance(rng, 0.12):
        return _nothing_needed(rng)
    verb, thing = _verb_and_thing(rng)
    slots = _slots(rng)
    template = rng.choice(_ONE if len(slots) == 1 or chance(rng, 0.3) else _TWO)
    keys = [slot.keys[0].replace("_", " ") for slot in slots] + [""]
    spoken = verb.replace("_", " ")
    question = template.format(
        verb=spoken, thing=thing, key=keys[0], other=keys[1], one="{one}", two="{two}"
    )
    about = f"{spoken.capitalize()} {'a' if chance(rng, 0.5) else 'the'} {thing}"
    state = Finding(says=f"The {thing} is {{state}}.", gives={"state": "word"})
    done = Finding(says="Done.", gives={})
    asked = question if question[0] == "{" else question[0].upper() + question[1:]
    return Function((_called(rng, verb, thing),), (about,), slots, (asked,), (state, done))


def _verb_and_thing(rng: Random) -> tuple[str, str]:
    while True:
        verb = rng.choice(VERBS)
        thing = words.word(rng) if chance(rng, 0.4) else rng.choice(THINGS)
        if f"{verb}_{thing}" not in reserved.FUNCTIONS:
            return verb, thing


def _called(rng: Random, verb: str, thing: str) -> str:
    if chance(rng, 0.12):
        return verb + thing.capitalize()
    return thing if chance(rng, 0.06) else f"{verb}_{thing}"


def _slots(rng: Random) -> tuple[Slot, ...]:
    """One to three parameters; where a question names fewer, the others are optional."""
    kinds = rng.sample(tuple(_KEYS), rng.choice((1, 1, 2, 2, 3)))
    names = ("one", "two", "three")
    made = []
    for name, kind in zip(names, kinds, strict=False):
        key = words.word(rng) if chance(rng, 0.15) else rng.choice(_KEYS[kind])
        about = (f"The {key}", key.capitalize())
        made.append(Slot(name, (key,), kind=kind, about=about, optional=name != "one"))
    return tuple(made)


def _nothing_needed(rng: Random) -> Function:
    known = ("balance", "date", "status", "version", "server_time", "queue_length", "usage", "mode")
    what = rng.choice(known) if chance(rng, 0.6) else words.word(rng)
    spoken = what.replace("_", " ")
    finding = Finding(
        says=f"The {spoken} is {{{what}}}.",
        gives={what: rng.choice(("word", "number", "clock"))},
    )
    return Function(
        names=(f"get_{what}",),
        about=(f"Get the current {spoken}", f"Returns the {spoken}"),
        slots=(),
        asked=(
            f"What is the {spoken}?",
            f"Tell me the {spoken}.",
            f"Show the {spoken}.",
            f"Please check the {spoken}.",
        ),
        finds=(finding,),
    )
