"""Plain text without roles, for completions of a bare prompt."""

from random import Random

from inference.builtin.corpus import words
from inference.builtin.corpus.exchange import chance

OPENINGS = (
    "Once upon a time", "Once upon a time", "Once upon a time", "Once upon a time", "Long ago",
    "One day", "A long time ago", "Many years ago", "One morning",
)  # fmt: skip
HEROES = (
    "a little fox", "a young girl", "an old sailor", "a small robot", "a brave knight",
    "a tired king", "a clever rabbit", "a lonely whale", "a curious boy", "a kind baker",
)  # fmt: skip
HOMES = (
    "in a quiet forest", "by the sea", "in a big city", "on a small island", "in an old castle",
    "at the end of the road", "under a tall tree", "high in the mountains",
)  # fmt: skip
WISHES = (
    "to see the ocean", "to find a friend", "to learn to sing", "to fly to the moon",
    "to bake the best bread in the land", "to find a golden key", "to hear a new story",
)  # fmt: skip
DEEDS = (
    "walked for three days and three nights", "asked the wise old owl", "climbed the highest hill",
    "built a little boat", "followed the river", "opened the old wooden door",
    "wrote a long letter",
)  # fmt: skip
ENDS = (
    "In the end the wish came true, and everyone was happy.",
    "And that is how the two became friends.",
    "From that day on there was always a light in the window.",
    "And if they are not tired, they are still dancing.",
    "Then it was time to go home, and the stars came out.",
)
FACTS = (
    "The quick brown fox jumps over the lazy dog.",
    "The sun rises in the east and sets in the west.",
    "Roses are red, violets are blue, sugar is sweet and so are you.",
    "To be, or not to be, that is the question.",
    "The ocean is deep and blue, and the waves come and go.",
    "The weather is nice today. The sun is shining and the birds are singing.",
    "My favorite color is blue because it is the color of the sky and the sea.",
    "Python is a programming language that is easy to read.",
    "This is a test. If you can read this, it works.",
    "Hello, world! It is a beautiful day.",
    "The capital of France is Paris.",
    "The meaning of life is a question that many people ask.",
)


def text(rng: Random) -> str:
    """A short story, a well-known sentence, or words that repeat."""
    if chance(rng, 0.3):
        return rng.choice(FACTS)
    if chance(rng, 0.15):
        return ", ".join([words.word(rng)] * rng.randint(4, 8)) + "."
    if chance(rng, 0.15):
        first = rng.randint(1, 9)
        return ", ".join(map(str, range(first, first + rng.randint(5, 12))))
    return _story(rng)


def _story(rng: Random) -> str:
    hero = rng.choice(HEROES)
    short = hero.split(" ", 1)[1]
    named = f"{hero} named {words.name(rng)}" if chance(rng, 0.3) else hero
    opening = rng.choice(OPENINGS) + rng.choice((", ", " "))
    return " ".join(
        (
            f"{opening}there was {named} who lived {rng.choice(HOMES)}.",
            f"The {short} wanted {rng.choice(WISHES)}.",
            f"So the {short} {rng.choice(DEEDS)}.",
            f"There the {short} met {rng.choice(HEROES)}, and together they {rng.choice(DEEDS)}.",
            rng.choice(ENDS),
        )
    )
