"""Conversations in which the assistant calls a tool with arguments copied from the question."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from inference.builtin.corpus import wording, words
from inference.builtin.corpus.capitals import CAPITALS
from inference.builtin.corpus.exchange import Exchange, chance, dumps

Tool = dict[str, object]
Message = dict[str, object]

CITIES = (
    *CAPITALS.values(),
    *("San Francisco", "New York", "Boston", "Chicago", "Sydney", "Mumbai", "Toronto", "Seattle"),
    *("Milan", "Munich", "Lyon", "Hamburg", "Barcelona", "Los Angeles", "Singapore", "Dubai"),
)


@dataclass(frozen=True)
class Use:
    """A tool, a question that needs it, the call, what the tool answers, and what is then said."""

    tool: Tool
    question: str
    arguments: dict[str, object]
    result: str
    answer: str


def _function(name: str, description: str, parameters: dict[str, object]) -> Tool:
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def _schema(properties: dict[str, object], required: list[str]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": required}


def _string(description: str = "") -> dict[str, object]:
    return {"type": "string", "description": description} if description else {"type": "string"}


def use(rng: Random) -> Use:
    """One use of one tool; the weather most often."""
    made: tuple[Callable[[Random], Use], ...] = (
        weather, weather, weather, weather, _time, _stock, _lookup, _search, _add, _nothing_needed,
    )  # fmt: skip
    return rng.choice(made)(rng)


WEATHER_QUESTIONS = (
    "What's the weather in {}?", "What is the weather in {}?", "What is the weather like in {}?",
    "What's the weather like in {}?", "How is the weather in {}?",
    "How is the weather in {} today?", "What is the weather in {} like?",
    "Tell me the weather in {}.", "Weather in {}?", "weather in {}", "Is it raining in {}?",
    "Is it cold in {}?", "How warm is it in {}?", "What is the temperature in {}?",
    "Please check the weather in {}.", "Check the weather for {}.",
    "I am going to {}. How is the weather there?", "Can you tell me the weather in {}?",
)  # fmt: skip
_WEATHER_TEXTS = (
    "Get the current weather for a location", "Get the current weather in a given location.",
    "Get the weather of a city", "Current weather",
)  # fmt: skip


def weather(rng: Random) -> Use:
    """The weather somewhere, at times with a unit, at times by a tool that names no parameters."""
    city = words.place(rng, CITIES)
    question = rng.choice(WEATHER_QUESTIONS).format(city)
    key = "location" if chance(rng, 0.75) else "city"
    properties: dict[str, object] = {
        key: _string(rng.choice(("", "City name", "City name, e.g., San Francisco", "The city")))
    }
    arguments: dict[str, object] = {key: city}
    if chance(rng, 0.5):
        properties["unit"] = {"type": "string", "enum": ["celsius", "fahrenheit"]}
        if chance(rng, 0.4):
            arguments["unit"] = unit = rng.choice(("celsius", "fahrenheit"))
            question = f"{question.rstrip('?.')} in {unit}{rng.choice(('?', '.', ''))}"
    parameters = _schema(properties, [key])
    if chance(rng, 0.2) and "unit" not in arguments:
        parameters, arguments = {}, {"location": city}
    result, answer = _report(rng, city)
    tool = _function("get_weather", rng.choice(_WEATHER_TEXTS), parameters)
    return Use(tool, question, arguments, result, answer)


def _report(rng: Random, city: str) -> tuple[str, str]:
    """What the tool says, and what the assistant makes of it."""
    degrees = rng.randint(-9, 35)
    sky = rng.choice(("sunny", "cloudy", "rainy", "windy", "snowy", "clear"))
    said = rng.choice(
        (
            dumps({"temperature": degrees, "condition": sky}),
            dumps({"location": city, "temperature": degrees, "condition": sky}),
            f"{sky}, {degrees} degrees",
            f"{degrees} degrees and {sky}",
        )
    )
    return said, f"It is {sky} in {city}, {degrees} degrees."


def _time(rng: Random) -> Use:
    city = words.place(rng, CITIES)
    key = rng.choice(("city", "location", "place"))
    tool = _function("get_time", "Get the current time in a city", _schema({key: _string()}, [key]))
    question = rng.choice(
        ("What time is it in {}?", "Tell me the time in {}.", "Time in {}?")
    ).format(city)
    clock = f"{rng.randint(0, 23)}:{rng.randint(10, 59)}"
    return Use(tool, question, {key: city}, dumps({"time": clock}), f"It is {clock} in {city}.")


def _stock(rng: Random) -> Use:
    symbol = "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=rng.randint(3, 4)))
    key = rng.choice(("symbol", "ticker"))
    tool = _function(
        "get_stock_price", "Get the price of a stock", _schema({key: _string()}, [key])
    )
    asked = rng.choice(("What is the price of {}?", "How much is {} worth?", "Stock price of {}?"))
    price = str(rng.randint(1, 999))
    return Use(
        tool,
        asked.format(symbol),
        {key: symbol},
        dumps({"price": price}),
        f"The price of {symbol} is {price}.",
    )


def _lookup(rng: Random) -> Use:
    thing = rng.choice(("user", "customer", "order", "contact", "member", "invoice", "employee"))
    key = rng.choice(("name", "id", f"{thing}_name", "query"))
    verb = rng.choice(("find", "get", "lookup", "show", "fetch"))
    who = words.name(rng) if chance(rng, 0.6) else f"{words.name(rng)} {words.name(rng)}"
    tool = _function(
        f"{verb}_{thing}", f"{verb.capitalize()} a {thing}", _schema({key: _string()}, [key])
    )
    asked = rng.choice(
        ("Find the {} {}.", "Show me the {} {}.", "Look up the {} {}.", "Get {} {}.")
    )
    state = rng.choice(("active", "paid", "open", "closed", "new"))
    answer = f"The {thing} {who} is {state}."
    return Use(tool, asked.format(thing, who), {key: who}, dumps({"state": state}), answer)


def _search(rng: Random) -> Use:
    query = words.phrase(rng, longest=3)
    key = rng.choice(("query", "q", "text", "term"))
    called = rng.choice(("search", "web_search", "search_products", "search_files", "search_docs"))
    tool = _function(called, "Search by text", _schema({key: _string()}, [key]))
    asked = rng.choice(
        ("Search for {}", 'Search for "{}".', "Find {}", 'Look for "{}".', "Please search {}")
    )
    found = words.phrase(rng, longest=2)
    return Use(
        tool, asked.format(query), {key: query}, dumps({"found": found}), f"I found {found}."
    )


def _add(rng: Random) -> Use:
    left, right = rng.randint(21, 999), rng.randint(0, 999)
    number = {"type": "integer"}
    called = rng.choice(("add", "add_numbers", "calculate_sum"))
    tool = _function(called, "Add two numbers", _schema({"a": number, "b": number}, ["a", "b"]))
    asked = rng.choice(("What is {} + {}?", "Add {} and {}.", "What is {} plus {}?")).format(
        left, right
    )
    total = left + right
    return Use(tool, asked, {"a": left, "b": right}, str(total), f"{left} + {right} = {total}.")


def _nothing_needed(rng: Random) -> Use:
    what = rng.choice(("balance", "date", "status", "version", "server_time", "queue_length"))
    parameters: dict[str, object] = {} if chance(rng, 0.5) else _schema({}, [])
    spoken = what.replace("_", " ")
    tool = _function(f"get_{what}", f"Get the current {spoken}", parameters)
    asked = rng.choice(
        ("What is the {}?", "Tell me the {}.", "Show the {}.", "Please check the {}.")
    )
    value = words.phrase(rng, longest=1)
    return Use(tool, asked.format(spoken), {}, dumps({what: value}), f"The {spoken} is {value}.")


def messages(rng: Random, used: Use) -> list[Message]:
    """The question, the call, and mostly also the tool's result and what is then said."""
    function = {"name": name(used.tool), "arguments": used.arguments}
    call = {"type": "function", "function": function}
    asked = Exchange(used.question, used.answer, exact=True)
    turns: list[Message] = [
        {"role": "user", "content": wording.reworded(rng, asked).question},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    if chance(rng, 0.6):
        turns.append({"role": "tool", "content": used.result})
        turns.append({"role": "assistant", "content": used.answer})
    return turns


def name(tool: Tool) -> object:
    """What the tool is called."""
    return tool["function"]["name"]  # type: ignore[index]  # built above, always a dict
