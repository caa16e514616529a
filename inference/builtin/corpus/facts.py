"""Small talk, simple facts, short descriptions, and questions about the platform itself."""

from random import Random

from inference.builtin.corpus import words
from inference.builtin.corpus.exchange import Exchange, chance
from inference.builtin.corpus.knowledge import Known, known, topics

SMALL_TALK, FACTS, PRODUCT, TOPICS = known("small_talk"), known("facts"), known("product"), topics()
UNKNOWN = "I am a small demo model and do not know that."

ASK_TOPIC = (
    "Tell me about {}.", "Tell me about {}.", "Tell me about {}", "Tell me something about {}.",
    "What can you tell me about {}?", "What do you know about {}?", "Describe {}.", "Explain {}.",
    "Write about {}.", "Say something about {}.", "Can you tell me about {}?",
)  # fmt: skip
ASK_UNKNOWN = (
    "Who is {}?", "What is {}?", "Where is {}?", "Tell me about {}.", "Who invented {}?",
    "When was {} born?", "What does {} mean?", "How old is {}?",
)  # fmt: skip


def small_talk(rng: Random) -> Exchange:
    """Greetings, thanks, and who the model is; greetings and identity most of the time."""
    return _asked(rng, SMALL_TALK[: rng.choice((2, 3, len(SMALL_TALK), len(SMALL_TALK)))])


def fact(rng: Random) -> Exchange:
    """One of the few facts that the model knows."""
    return _asked(rng, FACTS)


def product(rng: Random) -> Exchange:
    """One question about the platform."""
    return _asked(rng, PRODUCT)


def _asked(rng: Random, entries: tuple[Known, ...]) -> Exchange:
    chosen = rng.choice(entries)
    return Exchange(rng.choice(chosen.questions), chosen.answer, chosen.as_json)


def topic(rng: Random) -> Exchange:
    """A few sentences about something, or the admission that it is unknown."""
    if chance(rng, 0.2):
        asked = rng.choice(ASK_UNKNOWN).format(words.phrase(rng, longest=2))
        return Exchange(asked, UNKNOWN, {"answer": UNKNOWN}, exact=True)
    subject = rng.choice(tuple(TOPICS))
    answer = TOPICS[subject]
    return Exchange(rng.choice(ASK_TOPIC).format(subject), answer, {"text": answer})
