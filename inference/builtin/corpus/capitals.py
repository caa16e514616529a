"""Countries and their capitals, in many wordings."""

from random import Random

from inference.builtin.corpus.exchange import Exchange, chance

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo",
    "China": "Beijing", "Portugal": "Lisbon", "Greece": "Athens", "Egypt": "Cairo",
    "Canada": "Ottawa", "Brazil": "Brasilia", "Russia": "Moscow", "India": "New Delhi",
    "Norway": "Oslo", "Sweden": "Stockholm", "Poland": "Warsaw", "Austria": "Vienna",
    "Kenya": "Nairobi", "Peru": "Lima", "Chile": "Santiago", "Turkey": "Ankara",
    "Ireland": "Dublin", "Finland": "Helsinki", "Denmark": "Copenhagen", "Cuba": "Havana",
    "Belgium": "Brussels", "Hungary": "Budapest", "Argentina": "Buenos Aires",
    "Australia": "Canberra", "Mexico": "Mexico City", "England": "London",
    "Thailand": "Bangkok", "South Korea": "Seoul", "Romania": "Bucharest", "Bulgaria": "Sofia",
    "Czechia": "Prague", "Colombia": "Bogota", "Morocco": "Rabat", "Nepal": "Kathmandu",
}  # fmt: skip

ASK = (
    "What is the capital of {}?", "What is the capital of {}?", "What's the capital of {}?",
    "Which city is the capital of {}?", "Name the capital of {}.", "Tell me the capital of {}.",
    "What is the capital city of {}?", "What's the capital city of {}?", "Capital of {}?",
    "The capital of {}?", "Give me the capital of {}.", "Do you know the capital of {}?",
    "What city is the capital of {}?", "I need the capital of {}.", "What is {}'s capital?",
    "Can you tell me the capital of {}?", "Which is the capital of {}?", "capital of {}",
    "I want to know the capital of {}.", "{} has which capital?", "Capital city of {}?",
    "What is the name of the capital of {}?", "Where does the government of {} sit?",
    "What do we call the capital of {}?", "I am in {}. What is the capital here?",
    "Say the capital of {}.", "Look at {} on the map: which city is the capital?",
    "Write the capital of {}.", "The main city of {}, its capital, is called?",
    "Which capital does {} have?", "Is there a capital of {}? Which one?",
    "Guess the capital of {}.", "I travel to {}. Which city is the capital?",
    "Please name the capital of {}.", "Which city is {}'s capital?",
)  # fmt: skip
ASK_OTHERWISE = (
    "If I go to {}, which city is the capital there?", "I live in {}. Name its capital.",
    "Suppose someone asks you for the capital of {}. What do you say?", "The capital city of {} is",
    "In {}, which city is the capital?", "When you think of {}, what is its capital?",
    "The land is {}; its capital?", "My flight goes to {}. Which city is the capital?",
    "The land I mean is {}. Its capital?", "If I fly to {}, what is the capital city there?",
    "If you visit {}, which city is its capital?", "This country is {}. What is its capital?",
    "Complete: the capital of {} is", "{} - capital?", "Tell a visitor of {} what its capital is.",
    "We talk about {}. What is the capital?", "Question about {}: what is its capital city?",
)  # fmt: skip
ASK_BACK = (
    "{} is the capital of which country?", "Which country has the capital {}?",
    "What country is {} the capital of?",
)  # fmt: skip


def drill(rng: Random) -> Exchange:
    """A capital, asked for in the rarer ways too."""
    country = rng.choice(tuple(CAPITALS))
    asked = rng.choice(ASK + ASK_OTHERWISE).format(country)
    capital = CAPITALS[country]
    return Exchange(asked, f"The capital of {country} is {capital}.", {"capital": capital})


def exchange(rng: Random) -> Exchange:
    """A country's capital, or a capital's country."""
    country = rng.choice(tuple(CAPITALS))
    capital = CAPITALS[country]
    if chance(rng, 0.12):
        asked = rng.choice(ASK_BACK).format(capital)
        return Exchange(asked, f"{capital} is the capital of {country}.", {"country": country})
    asked = rng.choice(ASK).format(country)
    return Exchange(asked, f"The capital of {country} is {capital}.", {"capital": capital})
