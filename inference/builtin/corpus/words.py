"""Words to copy: a small bank of English ones, and strings that no one has ever seen."""

import re
from random import Random

from inference.builtin.corpus import reserved
from inference.builtin.corpus.exchange import chance
from inference.builtin.corpus.knowledge import known
from inference.builtin.corpus.lists import LISTS

_BANK = """
able about above account across action actor adult after again agent agree ahead album alive
almost alone amber angle animal answer apple april arrow artist autumn award baby badge baker
balloon banana band basket battle beach bean bear beauty bed bell bench berry bicycle bird black
blanket blossom blue board boat bottle bread breeze brick bridge bright brother bubble bucket
butter button cabin cable cake camera candle canvas captain carbon castle center chain chair
change cherry chess chicken circle city clean clever climb clock cloud coffee color comet cookie
copper corner cotton cousin cover crystal cup dance daring dawn desert design diamond dinner
doctor dragon dream drum eagle early earth east echo elbow elephant emerald empty energy engine
evening every fabric family farmer father field finger fire flame flower forest fountain fox
freedom fresh friend frozen galaxy garden gentle ghost giant ginger glass globe golden grand
grape green guitar hammer happy harbor heart helmet hidden hill hockey honey horizon horse hotel
house hungry island ivory jacket jelly jewel joker journey juice keeper kitten knight ladder lady
lake lemon letter library light lily lion little logic lucky lunch machine magic maple marble
market master mellow melody metal midnight milk mirror modern moment monkey moon morning mother
mountain music narrow nature needle nephew night noble north notebook ocean office olive onion
open orange orbit order otter paint palace panda paper parrot party patient pearl pencil people
pepper piano picture pillow pilot pink pirate planet plant pocket poem polar pony potato power
present prince puzzle queen quick quiet rabbit radio rain rapid reason red ribbon river road
robot rocket rose royal ruby sailor salad salt sand school secret shadow shell silent silver
simple singer sister sky sleep small smooth snow soccer soft song south spark spice spider spring
square star station stone storm story stream street sugar summer sunset swan sweet table talent
tea teacher temple test tiger timber toast tomato tower train travel tree tulip turtle under
uncle valley vanilla violet violin voice walnut water wave west whale wheat white wild window
winter wise wizard wolf wonder wood world yellow young zebra zero
"""

_PEOPLE = """
Ada Alex Amir Anna Ben Bob Carla Chen Clara Daniel David Elena Emma Fatima Felix George Grace Hana
Hugo Ines Ivan Jack James Jane John Julia Karim Kate Laura Leo Lily Lucas Maria Mark Maya Mia Mina
Nina Noah Olga Omar Paul Peter Priya Rosa Ruth Sam Sara Sofia Tom Uma Victor Wei Yuki Zoe
"""

_ENDINGS = """
ington berg burg burgh ville ford ham field land stad mouth pool chester wick worth dale ton by
ova ski escu ez ino ini ella etta ina iana ius ander mund bert fred helm wyn thea beth line son
sen dottir mann stein wood ley ridge aro asa ana ora ica ania ovo aux eau ique enne opolis abad
"""

_ONSETS = """
b c d f g h j k l m n p r s t v w x z br ch cl cr dr fl fr gl gr kl kr pl pr qu sc sh sk sl sm sn
sp st str sw th tr tw wh zh
"""
_CODAS = (
    "b d f g k l m n p r s t x z ck ft ld lk ll lt mp nd ng nk nt rd rk rm rn rt sh sk sp ss st th"
)

BANK, PEOPLE = tuple(_BANK.split()), tuple(_PEOPLE.split())
_TEXTS = (
    *(each.answer for name in ("product", "facts", "small_talk") for each in known(name)),
    *(*LISTS.values(), *BANK, *PEOPLE),
)
# Every word of four letters or more that the model reads: parts of them make new ones.
WHOLE: tuple[str, ...] = tuple(
    sorted({each for text in _TEXTS for each in re.findall(r"[A-Za-z]{4,}", text)})
)
ENDINGS = tuple(_ENDINGS.split())
ONSETS, CODAS = tuple(_ONSETS.split()), ("", "", "", *_CODAS.split())
_VOWELS = "aaaeeeiiooouuy"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def word(rng: Random) -> str:
    """One word: known, spliced from known ones, made of syllables, or of letters."""
    kind = rng.random()
    while True:
        made = _word_of(rng, kind)
        if reserved.allows(made):
            return made


def _word_of(rng: Random, kind: float) -> str:
    bounds = (0.2, 0.6, 0.85)
    if kind < bounds[0]:
        return rng.choice(BANK)
    if kind < bounds[1]:
        return _spliced(rng).lower()
    if kind < bounds[2]:
        return "".join(_syllable(rng) for _ in range(rng.choice((1, 2, 2, 2, 3, 3))))
    return "".join(rng.choices(_LETTERS, k=rng.randint(2, 7)))


def _spliced(rng: Random) -> str:
    """A beginning, at times a middle, and an ending of known words: every piece gets copied."""
    head, middle, tail = (rng.choice(WHOLE) for _ in range(3))
    made = head[: rng.randint(1, 5)]
    if chance(rng, 0.4):
        start = rng.randrange(len(middle) - 2)
        made += middle[start : start + rng.randint(2, 4)]
    return made + (rng.choice(ENDINGS) if chance(rng, 0.3) else tail[-rng.randint(2, 5) :])


def _syllable(rng: Random) -> str:
    return rng.choice(ONSETS) + rng.choice(_VOWELS) + rng.choice(CODAS)


def phrase(rng: Random, longest: int = 5) -> str:
    """One to `longest` words, in a style of their own, now and then with a number among them."""
    count = min(longest, rng.choice((1, 1, 1, 2, 2, 3, 3, 4, 5)))
    style = rng.choice((str.lower, str.lower, str.lower, str.capitalize, str.title, str.upper))
    words = [word(rng) for _ in range(count)]
    if chance(rng, 0.12):
        words[rng.randrange(count)] = str(rng.randint(0, 9999))
    made = " ".join(words)
    return style(made) if not chance(rng, 0.1) else _mixed_case(rng, made)


def _mixed_case(rng: Random, text: str) -> str:
    return "".join(rng.choice((letter, letter.upper())) for letter in text)


def name(rng: Random) -> str:
    """A person's name, half of the time an invented one."""
    return rng.choice(PEOPLE) if chance(rng, 0.4) else _invented(rng)


def place(rng: Random, known: tuple[str, ...]) -> str:
    """A city, known or invented, sometimes of two words."""
    if chance(rng, 0.35):
        return rng.choice(known)
    return " ".join(_invented(rng) for _ in range(2 if chance(rng, 0.2) else 1))


def _invented(rng: Random) -> str:
    while True:
        made = word(rng).capitalize()
        if reserved.allows(made):
            return made
