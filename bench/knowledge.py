"""Does search find the answer? Recall@5, 500 chunks, 50 questions: `python -m bench.knowledge`.

The town of the fixture has 50 places that share their names' words, and ten facts about each; a
chunk is one fact among sentences that every place has. Questions ask in other words than the
chunks use, as people do, so that words alone cannot find them all.
"""

import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import product

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from accounts.models import Organisation  # noqa: E402 - Django must be set up first
from accounts.registration import create_organisation  # noqa: E402 - as above
from api import ids  # noqa: E402 - as above
from bench.ledger import own_database  # noqa: E402 - as above
from files import receiving  # noqa: E402 - as above
from files.models import StoredFile  # noqa: E402 - as above
from knowledge import chunking, search  # noqa: E402 - as above
from knowledge.models import Chunk, Status, StoreFile, VectorStore  # noqa: E402 - as above
from knowledge.search import Wish  # noqa: E402 - as above

WITHIN = 5
NAMES = (
    "Linden", "Harbour", "Raven", "Copper", "Willow", "Saint Anne's", "Old Mill", "Northern",
    "Castle Hill", "Riverside",
)  # fmt: skip
KINDS = ("Museum", "Library", "Theatre", "Brewery", "Observatory")
PEOPLE = (
    "Agnes Holt", "Bruno Keller", "Clara Winter", "Dario Fonti", "Edith Sommer", "Felix Brandt",
    "Greta Lund", "Hugo Marek", "Ida Novak", "Jonas Rehm", "Karla Voss",
)  # fmt: skip
DISHES = (
    "dumplings with plums", "smoked trout", "lentil stew", "onion tart", "buckwheat pancakes",
    "pea soup with mint", "roast chestnuts",
)  # fmt: skip
FACTS: tuple[tuple[str, str], ...] = (
    (
        "{place} opens its doors at {hour} and closes at nine; on the first Monday it stays shut.",
        "From what time can I visit {place} in the morning?",
    ),
    (
        "A ticket for {place} costs {number} euros; children pay half of it.",
        "How much is admission to {place}?",
    ),
    (
        "{person} founded {place} in {year} with an inheritance.",
        "Who started {place}, and when was it established?",
    ),
    (
        "Tram line {number} stops right in front of {place}; from there it is a minute on foot.",
        "Which public transport takes me to {place}?",
    ),
    (
        "The kitchen of {place} is known for its {dish}.",
        "What is there to eat at {place}?",
    ),
    (
        "Dogs wait outside of {place}; a bowl of water stands at the gate {number}.",
        "May I bring my pets into {place}?",
    ),
    (
        "Whatever is left behind at {place} is kept in room {number} for a month.",
        "I lost my umbrella in {place}. In which room is lost property kept?",
    ),
    (
        "{place} covers {number}00 square metres on three floors.",
        "How large is {place}, in square metres?",
    ),
    (
        "Since {year} {place} has been led by {person}.",
        "Who is leading {place} nowadays?",
    ),
    (
        "In {year} a fire destroyed the roof of {place}; two winters later it was rebuilt.",
        "When did {place} burn?",
    ),
)
COMMON = (
    "Groups of more than twelve people should announce themselves by telephone the day before.",
    "Photographs are allowed everywhere as long as nobody is disturbed by them.",
    "In summer the garden behind the house is open to everybody who needs some shade.",
    "The staff at the entrance gladly answers every question about the town.",
    "Wheelchairs can be borrowed without charge; a lift leads to all rooms.",
)


def chunks() -> Iterator[str]:
    """The fact with the number n of the place with the number p stands at 10 p + n."""
    for number, (name, kind) in enumerate(product(NAMES, KINDS)):
        for nth, (fact, _question) in enumerate(FACTS):
            told = fact.format(
                place=f"the {name} {kind}",
                hour=("seven", "eight", "nine", "ten", "eleven")[(number + nth) % 5],
                number=3 + (number * 7 + nth) % 89,
                person=PEOPLE[(number * 3 + nth) % len(PEOPLE)],
                year=1700 + (number * 37 + nth * 11) % 300,
                dish=DISHES[number % len(DISHES)],
            )
            before, after = COMMON[(number + nth) % 5], COMMON[(number + 2 * nth + 1) % 5]
            yield f"{before} {told[0].upper()}{told[1:]} {after}"


def questions() -> Iterator[tuple[str, int]]:
    """Each with the place of the chunk that answers it: one about every place."""
    for number, (name, kind) in enumerate(product(NAMES, KINDS)):
        nth = (number + number // 10) % len(FACTS)
        yield FACTS[nth][1].format(place=f"the {name} {kind}"), len(FACTS) * number + nth


def filled_store(organisation: Organisation) -> VectorStore:
    texts = list(chunks())
    file = StoredFile.objects.create(  # without bytes: nothing reads them here
        id=receiving.new_id(), organisation=organisation, purpose=StoredFile.Purpose.ASSISTANTS,
        filename="town.txt", content_type="text/plain", size=0, storage_name=ids.new("town"),
    )  # fmt: skip
    store: VectorStore = VectorStore.objects.create(organisation=organisation, name="Town")
    row = StoreFile.objects.create(
        organisation=organisation, store=store, file=file, status=Status.COMPLETED
    )
    Chunk.objects.bulk_create(
        Chunk(
            organisation=organisation, store=store, store_file=row, place=place, text=text,
            tokens=chunking.tokens_of(text),
        )
        for place, text in enumerate(texts)
    )  # fmt: skip
    return store


def recall(store: VectorStore) -> str:
    asked = list(questions())
    start = time.perf_counter()
    missed, ranks = [], []
    for question, answer in asked:
        hits = search.search(store.organisation_id, [store.id], question, Wish(most=WITHIN))
        places = [hit.place for hit in hits]
        if answer in places:
            ranks.append(places.index(answer))
        else:
            missed.append(question)
    each = 1000 * (time.perf_counter() - start) / len(asked)
    told = [
        f"full text: recall@{WITHIN} {len(ranks) / len(asked):.2f}, first "
        f"{ranks.count(0) / len(asked):.2f}, {each:.1f} ms a question",
        *(f"  not among {WITHIN}: {question}" for question in missed),
    ]
    return "\n".join(told)


def main() -> None:
    with nullcontext() if "DATABASE_URL" in os.environ else own_database():
        call_command("migrate", verbosity=0)
        store = filled_store(create_organisation(f"Bench {ids.new('run')}").organisation)
        print(f"{Chunk.objects.filter(store=store).count()} chunks, {len(list(questions()))} asked")
        print(recall(store))


if __name__ == "__main__":
    main()
