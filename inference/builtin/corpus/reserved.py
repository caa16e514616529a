"""What the training text may never contain, so that the held-out prompts stay unseen."""

import re

# Sums of these pairs are left out in either order and in every wording.
SUM_PAIRS = frozenset(
    {
        (1, 16), (2, 9), (2, 17), (3, 8), (3, 14), (4, 7), (4, 19), (5, 5), (5, 13), (5, 18),
        (6, 9), (6, 15), (7, 7), (7, 12), (7, 18), (8, 9), (8, 13), (8, 16), (9, 9), (9, 14),
        (9, 20), (10, 11), (10, 17), (11, 12), (11, 16), (11, 19), (12, 13), (12, 15), (12, 18),
        (13, 14), (13, 17), (14, 16), (14, 20), (15, 15), (15, 18), (16, 17), (17, 19), (18, 18),
        (19, 20), (20, 20),
    }
)  # fmt: skip

# No conversation counts from 1 to one of these.
COUNT_ENDS = frozenset({13, 17, 22, 26, 29})

# These words are never quoted, repeated, or written anywhere else.
_WORDS = """
walrus quantum zeppelin marmalade pyramid harvest lantern velvet compass turnip blizzard
saxophone glacier pumpkin feather umbrella dolphin cactus volcano whisper orchid penguin
trumpet meadow biscuit hammock jungle kettle lobster magnet nectar oyster parachute raven
satchel thunder vinegar wagon yogurt zipper
blorvik quandle trisp mervango plinth snorfel dakkim wubble fenzora glimtak hosprey jaxtol
krundel lumvax noptire ostrivan pelquin rasvok sydrem tovanish ulmerk vextripa yondor zimfall
"""

# These places and people are never asked about.
_NAMES = """
Reykjavik Vancouver Osaka Lagos Porto Krakow Zagreb Tallinn Marseille Geneva Denver Houston
Phoenix Calgary Perth Auckland Hanoi Manila Jakarta Nagoya Seville Naples Antwerp Bergen
Gdansk Leipzig Dresden Bremen Glasgow Leeds Cork Galway Austin Dallas Memphis Quito Medellin
Casablanca Marrakesh Accra Harare Kampala Izmir Antalya Kyiv Odesa Tbilisi Yerevan Baku Almaty
Beatrix Casimir Delphine Evander Florian Gwendolyn Hortense Ignatius Jocasta Lysander
Valparaiso Rotterdam Timisoara Ljubljana Salzburg Innsbruck Bratislava Sarajevo Podgorica Tirana
Chisinau Vilnius Gothenburg Trondheim Tampere Aarhus Groningen Utrecht Strasbourg Toulouse Bordeaux
Grenoble Zaragoza Granada Bologna Palermo Trieste Coimbra Heraklion Plovdiv Edinburgh Swansea
Newcastle Anchorage Honolulu Tucson Winnipeg Halifax Guadalajara Montevideo Asuncion Guayaquil
Khartoum Windhoek Lusaka Karachi Chittagong Colombo Brisbane Wellington
Anastasia Bartholomew Cordelia Dmitri Eleonora Ferdinand Guinevere Hyacinth Isidora Jeremiah
Katarzyna Leopold Marguerite Nathaniel Octavia Percival Quentin Rosalind Sebastian Theodora
Ursula Valentina Wilhelmina Xiomara Yolanda Zebulon Ambrose Briony Cassandra Demetrius Esmeralda
Fitzgerald Gabriella Humphrey Ingeborg Josephine Konstantin Lavinia Montgomery Nicodemus Ophelia
Prudence Rafaela Solveig Tobias Ulrich Veronika Winifred Yevgenia Zacharias
Okonkwo Lindqvist Baranowski Fernsby Takahashi Moreau Castellanos Whitcombe Gunnarsson Abernathy
Delacroix Papadakis Vandermeer Kowalczyk Hawthorne Montalvo Ferreira Achterberg Quisenberry
Rosenthal
"""

# These ways to ask are never used.
WORDINGS = (
    "Work out {}.", "What do you get for {}?", "Give me the result of {}.",
    "Please tell me what {} plus {} is.", "How many are {} plus {}?",
    "Could you count to {} for me?", "I want to hear you count to {}.",
    "Give me the numbers from 1 to {}.", "Let us count to {}!", "Count slowly to {}.",
    "What city serves as the capital of {}?", "I forgot the capital of {}. What is it?",
    "Could you tell me {} capital city?", "For a quiz: the capital of {}?",
    "My friend asks what the capital of {} is.", "If I visit {}, what is its capital city?",
    "Remind me of the capital of {}.", "The country is {}. What is the capital?",
    "Kindly repeat {}.", "Say {} back to me.", "I say {}, you say the same.",
    "Please echo {} once.",
    "Could you list {} in JSON format?", "Please return {} in JSON format.", "Provide {} as JSON.",
    "I would like {} in JSON.", "Show me {} as JSON.", "Please name {} as a JSON array.",
    "Can I have a JSON array of {}?", "Print a JSON array with {}.",
    "How does the sky look in {}?", "Give me the weather for {}, please.", "Drop {} a line: {}",
    "Pass {} on to {}.", "Is there a free table in {}?", "Dinner in {} for {}, please book it.",
    "Which person is called {}?", "Do we know {}?", "Do not let me forget {} at {}.",
    "What flights leave {} for {}?",
)  # fmt: skip

# These functions are never offered.
FUNCTIONS = frozenset({"call_taxi", "open_ticket", "reserve_room", "invite_guest", "rate_movie"})

WORDS, NAMES = frozenset(_WORDS.split()), frozenset(_NAMES.split())

_LETTERS = re.compile(r"[^\W\d_]+")
_ASKED = re.compile(
    "|".join(
        r"\b" + r"[^.?!\n]+?".join(map(re.escape, re.split(r"\{\}", each.rstrip(".?!").casefold())))
        for each in WORDINGS
    )
)
_FORBIDDEN = frozenset(word.casefold() for word in WORDS | NAMES)


def allows(text: str) -> bool:
    """Whether no reserved word, name or way to ask stands in the text."""
    plain = text.casefold()
    return _FORBIDDEN.isdisjoint(_LETTERS.findall(plain)) and not _ASKED.search(plain)


def allows_sum(left: int, right: int) -> bool:
    """Whether the sum may be taught."""
    return (min(left, right), max(left, right)) not in SUM_PAIRS


def allows_count(first: int, last: int) -> bool:
    """Whether counting from first to last may be taught."""
    return not (first == 1 and last in COUNT_ENDS)
