"""Lists of things, as JSON and in words."""

from random import Random

from inference.builtin.corpus.exchange import Exchange, chance, dumps, enumerated
from inference.builtin.corpus.numbers import NUMERALS

LISTS = {
    "colors": "red green blue yellow purple orange black white",
    "fruits": "apple banana cherry orange grape pear mango",
    "animals": "cat dog horse lion tiger rabbit bear",
    "planets": "Mercury Venus Earth Mars Jupiter Saturn Neptune",
    "cities": "Paris London Tokyo Berlin Rome Madrid Cairo",
    "countries": "France Germany Italy Spain Japan Canada Brazil",
    "vegetables": "carrot potato onion tomato pepper spinach cabbage",
    "metals": "iron gold silver copper zinc tin lead",
    "birds": "eagle owl sparrow robin swan parrot crow",
    "flowers": "rose tulip daisy lily violet sunflower iris",
    "drinks": "water tea coffee milk juice lemonade cocoa",
    "sports": "football tennis basketball swimming running cycling golf",
    "instruments": "piano guitar violin drum flute harp cello",
    "shapes": "circle square triangle rectangle oval star hexagon",
    "seasons": "spring summer autumn winter",
    "languages": "English French German Spanish Italian Japanese Chinese",
    "trees": "oak pine maple birch willow cedar palm",
    "fish": "salmon tuna trout cod shark herring carp",
    "tools": "hammer saw drill wrench screwdriver pliers shovel",
    "months": "January February March April May June July August",
    "days": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "jobs": "doctor teacher farmer baker pilot nurse painter",
    "insects": "ant bee butterfly beetle fly mosquito wasp",
    "clothes": "shirt hat coat shoes scarf socks gloves",
    "rivers": "Nile Amazon Danube Rhine Thames Seine Volga",
}

AS_OBJECT = (
    "List {n} {c} in JSON format.", "List {n} {c} in JSON format", "Give me {n} {c} as JSON.",
    "Return a JSON object with {n} {c}.", "List {n} {c} as JSON.", "Name {n} {c} in JSON.",
    "{n} {c} in JSON, please.", "Write {n} {c} in JSON format.", "Give me a JSON with {n} {c}.",
    "I need {n} {c} in JSON.", "Show {n} {c} in JSON format.", "JSON with {n} {c}",
    "Please list {n} {c} in JSON format.", "Can you list {n} {c} in JSON?",
    "I want {n} {c} in JSON format.", "{n} {c} as JSON", "Print {n} {c} in JSON.",
    "JSON list of {n} {c}, please.", "Write down {n} {c} as JSON.", "Put {n} {c} into JSON.",
    "Which {n} {c} do you know? Use JSON.", "Tell me {n} {c} in JSON.", "Find {n} {c}, in JSON.",
    "Respond in JSON with {n} {c}.", "In JSON: {n} {c}.", "Output {n} {c} as JSON.",
    "Make a JSON object that lists {n} {c}.", "Name {n} {c}. Answer in JSON.",
)  # fmt: skip
AS_ARRAY = (
    "List {n} {c} as a JSON array.", "Give me a JSON array of {n} {c}.", "JSON array of {n} {c}",
    "Return {n} {c} as a JSON array.", "Write a JSON array with {n} {c}.",
    "Please give {n} {c} in a JSON array.", "Name {n} {c} as a JSON array.",
    "As a JSON array: {n} {c}.", "Put {n} {c} into a JSON array.", "Array of {n} {c} in JSON.",
    "Make a JSON array from {n} {c}.", "I want a JSON array of {n} {c}.",
)  # fmt: skip
PLAIN = (
    "List {n} {c}.", "Name {n} {c}.", "Give me {n} {c}.", "Tell me {n} {c}.", "List {n} {c}",
    "Can you name {n} {c}?", "Please list {n} {c}.", "Name {n} {c}, please.",
)  # fmt: skip


def exchange(rng: Random) -> Exchange:
    """Some things of one kind, as a JSON object, a JSON array, or in words."""
    kind = rng.choice(tuple(LISTS))
    things = LISTS[kind].split()
    count = rng.randint(2, min(6, len(things)))
    start = rng.randrange(len(things))
    chosen = (things + things)[start : start + count]
    number = NUMERALS[count] if chance(rng, 0.3) else str(count)
    style = rng.random()
    bounds = (0.5, 0.75)
    if style < bounds[0]:
        return Exchange(rng.choice(AS_OBJECT).format(n=number, c=kind), dumps({kind: chosen}))
    if style < bounds[1]:
        return Exchange(rng.choice(AS_ARRAY).format(n=number, c=kind), dumps(chosen))
    answer = enumerated(chosen)
    answer = answer[0].upper() + answer[1:] + "."
    return Exchange(rng.choice(PLAIN).format(n=number, c=kind), answer, {kind: chosen})
