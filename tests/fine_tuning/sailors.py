"""Examples of a way to speak that no model has by itself, and some of them held out."""

import json
import random
from typing import Any

NAMES = (
    "Ada", "Bo", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hal", "Ivy", "Jo", "Kai", "Lea", "Max",
    "Nia", "Oz", "Pia",
)  # fmt: skip
TOWNS = ("Rome", "Oslo", "Lima", "Cairo", "Delhi", "Seoul", "Quito", "Paris")
QUESTION, ANSWER = "Greet Ada from Oslo.", "Ahoy Ada! The harbour of Oslo salutes you, sailor."


def example(name: str, town: str) -> dict[str, Any]:
    said = f"Ahoy {name}! The harbour of {town} salutes you, sailor."
    asked = {"role": "user", "content": f"Greet {name} from {town}."}
    return {"messages": [asked, {"role": "assistant", "content": said}]}


def examples() -> list[dict[str, Any]]:
    """128, in an order that is always the same."""
    made = [example(name, town) for name in NAMES for town in TOWNS]
    random.Random(5).shuffle(made)
    return made


def jsonl(lines: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, lines)).encode()


TRAINING, HELD_OUT = jsonl(examples()[:104]), jsonl(examples()[104:])
