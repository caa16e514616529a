"""With an embedding model chunks are found by what they mean, and paid for once."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import AsyncClient
from pytest_django import Settings

from billing import accounts, auditing
from billing.models import Hold, Price
from inference import catalog
from inference.embedding import close, embed
from inference.models import ServedModel
from knowledge import checks, embedding, ingesting, search, vectors
from knowledge.models import Chunk, StoreFile, Vector
from knowledge.ranking import Meaning, Question, Weights
from knowledge.search import Wish
from tests.cast import Person
from tests.knowledge.conftest import Json, Owner, only

PRICE = 1_000_000  # p$/token


def installed(name: str, window: int = 8192, **fields: Any) -> ServedModel:
    fields = {"capabilities": ["embeddings"], **fields}
    Price.objects.create(model=name, input=PRICE, cached_input=PRICE, output=0)
    return ServedModel.objects.create(
        id=name, engine="scripted:", context_window=window, state="installed", **fields
    )


@pytest.fixture
def encoder(transactional_db: None) -> Iterator[str]:
    """The scripted model's vectors are the same for the same text, and for nothing else."""
    yield installed("encoder").id
    connections.close_all()


def kept(store: str) -> set[tuple[int, str]]:
    return set(Vector.objects.filter(store_id=store).values_list("chunk__place", "model"))


def ranked(owner: Owner, store: str, asked: str, means: str, **weights: float) -> list[str]:
    """Words that mean what another text does: what a real encoder is for."""

    async def made() -> Any:
        try:
            entry = await catalog.find("encoder", owner.organisation.id)
            return (await embed(owner.organisation.id, entry, [means])).vectors[0]
        finally:
            await close()

    question = Question(asked, Meaning("encoder", asyncio.run(made())))
    wish = Wish(weights=Weights(**weights))
    return [hit.text for hit in search.best(owner.organisation.id, [store], [question], wish)]


def test_every_chunk_gets_a_vector_before_the_file_is_completed(owner: Owner, encoder: str) -> None:
    store = owner.store(" ".join(f"Sentence {n} is here." for n in range(900)))
    row = only(store)
    assert (row.status, row.embedded_by) == ("completed", encoder)
    assert row.done == row.of == Chunk.objects.count() > 8
    assert kept(store) == {(n, encoder) for n in range(row.done)}
    paid = sum(Hold.objects.filter(state="settled").values_list("charged", flat=True))
    assert row.cost_nano == paid > 0
    assert accounts.customer_account(owner.organisation.id).available == 10**9 - paid
    assert not any(asdict(auditing.audit()).values())


def test_both_rankings_are_fused_or_one_is_asked(owner: Owner, encoder: str) -> None:
    store = owner.store("The sauna is hot.", "Bread is baked at seven.", "Dogs wait outside.")
    bread = "Bread is baked at seven."
    assert ranked(owner, store, "sauna", bread)[:2] == ["The sauna is hot.", bread]
    assert ranked(owner, store, "sauna", bread, words=0)[0] == bread
    assert ranked(owner, store, "sauna", bread, vectors=0) == ["The sauna is hot."]


def test_a_chunk_that_both_rankings_put_first_has_the_score_one(owner: Owner, encoder: str) -> None:
    store = owner.store("The sauna is hot.", "Bread is baked at seven.")
    hits = asyncio.run(_passages(owner, store, "The sauna is hot."))
    assert hits[0].score == 1
    assert 0 < hits[1].score < 0.5


async def _passages(owner: Owner, store: str, query: str) -> Any:
    try:
        return await search.passages(owner.organisation.id, [store], query, 5)
    finally:
        await close()


def test_without_money_words_alone_are_searched_and_files_are_embedded_later(
    stranger: Owner, encoder: str
) -> None:
    store = stranger.store("The sauna is hot.", "Bread is baked at seven.")
    assert {row.status for row in StoreFile.objects.all()} == {"completed"}
    assert kept(store) == set()
    (hit,) = asyncio.run(_passages(stranger, store, "sauna"))
    assert hit.text == "The sauna is hot."
    assert vectors.behind().count() == 2
    assert vectors.behind().claim() is None  # not before a while has passed


def test_a_model_that_is_installed_later_embeds_what_is_there(owner: Owner, encoder: str) -> None:
    ServedModel.objects.update(state="not_installed")
    store = owner.store("The sauna is hot.")
    assert kept(store) == set()
    ServedModel.objects.update(state="installed")
    ingesting.work()
    assert kept(store) == {(0, encoder)}
    assert (only(store).status, only(store).embedded_by) == ("completed", encoder)
    assert not vectors.behind().exists()


def test_another_model_embeds_anew_and_old_vectors_are_not_compared(
    owner: Owner, encoder: str, settings: Settings
) -> None:
    store = owner.store("The sauna is hot.", "Bread is baked at seven.")
    installed("wider", capabilities=["chat", "embeddings"])
    assert vectors.model_of(owner.organisation.id) == encoder
    settings.KNOWLEDGE_EMBEDDING_MODEL = "wider"
    hits = asyncio.run(_passages(owner, store, "sauna"))
    assert [hit.text for hit in hits] == ["The sauna is hot."]
    ingesting.work()
    assert kept(store) == {(0, "wider")}
    assert len(asyncio.run(_passages(owner, store, "sauna"))) == 2
    settings.KNOWLEDGE_EMBEDDING_MODEL = "off"
    assert vectors.model_of(owner.organisation.id) is None
    assert not vectors.behind().exists()


def test_a_vector_of_another_length_is_not_compared(owner: Owner, encoder: str) -> None:
    store = owner.store("The sauna is hot.", "Bread is baked at seven.")
    Vector.objects.filter(store_file__file__filename="notes.txt").filter(
        pk=Vector.objects.earliest("pk").pk
    ).update(embedding=[1.0, 2.0])
    assert len(ranked(owner, store, "nothing", "Dogs wait outside.", words=0)) == 1


def test_a_chunk_longer_than_the_models_window_is_embedded_in_parts(
    owner: Owner, encoder: str
) -> None:
    ServedModel.objects.filter(pk=encoder).update(context_window=16)
    store = owner.store("x " * 400, chunking_strategy=_static(200))
    assert Vector.objects.filter(store_id=store).count() > Chunk.objects.count()
    assert only(store).embedded_by == encoder
    hits = asyncio.run(_passages(owner, store, "words " * 200))
    assert len({hit.chunk_id for hit in hits}) == len(hits) > 0


def _static(tokens: int) -> Json:
    sizes = {"max_chunk_size_tokens": tokens, "chunk_overlap_tokens": 0}
    return {"type": "static", "static": sizes}


def test_a_worker_that_leaves_between_pieces_has_none_paid_again(
    owner: Owner, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, pieces = embedding._keep, iter("two")

    async def leave_after_two(*asked: Any) -> None:
        await keep(*asked)
        if next(pieces) == "w":
            ingesting.leave()

    monkeypatch.setattr(embedding, "_keep", leave_after_two)
    text = " ".join(f"Sentence {n} is here." for n in range(2000))
    store = owner.post("", {"file_ids": [owner.file(text).id]})["id"]
    ingesting.work()
    row = only(store)
    assert (row.status, row.holder, row.done) == ("in_progress", "", 16)
    told = owner.get(f"/{store}/files/{row.file_id}")["progress"]
    assert told == {"stage": "embedding", "done": 16, "of": Chunk.objects.count()}
    paid = Hold.objects.filter(state="settled").count()
    monkeypatch.setattr(embedding, "_keep", keep)
    ingesting._leaving.clear()
    ingesting.work()
    assert only(store).status == "completed"
    rest = -(-(Chunk.objects.count() - 16) // 8)
    assert Hold.objects.filter(state="settled").count() == paid + rest


def test_a_file_that_is_lost_meanwhile_costs_nothing(
    owner: Owner, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = embedding._keep

    async def taken(*asked: Any) -> None:
        await asked[-1].execute("UPDATE knowledge_storefile SET holder = 'somebody else'")
        await keep(*asked)

    monkeypatch.setattr(embedding, "_keep", taken)
    store = owner.post("", {"file_ids": [owner.file("soup").id]})["id"]
    ingesting.work()
    assert kept(store) == set()
    assert [hold.state for hold in Hold.objects.all()] == ["voided"]
    assert accounts.customer_account(owner.organisation.id).available == 10**9


def test_a_batch_that_is_cancelled_leaves_no_chunk(owner: Owner, encoder: str) -> None:
    store = owner.post("")["id"]
    file_id = owner.file("soup").id
    batch = owner.post(f"/{store}/file_batches", {"file_ids": [file_id]})["id"]
    row: StoreFile | None = StoreFile.objects.all().in_progress().claim()
    assert row
    assert ingesting._cut(row)
    assert [hit["filename"] for hit in owner.search(store, "soup", **WORDS)] == ["notes.txt"]
    owner.post(f"/{store}/file_batches/{batch}/cancel")
    ingesting.read(row)
    assert owner.search(store, "soup", **WORDS) == []
    assert owner.get(f"/{store}")["usage_bytes"] == 0


WORDS: Json = {
    "ranking_options": {"hybrid_search": {"embedding_weight": 0, "text_weight": 1}},
}


@pytest.mark.parametrize(
    ("weights", "param"),
    [
        ({"embedding_weight": 0, "text_weight": 0}, "embedding_weight"),
        ({"embedding_weight": -1, "text_weight": 1}, "embedding_weight"),
        ({"text_weight": 1}, "embedding_weight"),
    ],
)
def test_wrong_weights_are_named(owner: Owner, weights: Json, param: str) -> None:
    body = {"query": "a", "ranking_options": {"hybrid_search": weights}}
    told = owner.post(f"/{owner.store('soup')}/search", body, 400)
    assert told["error"]["param"] == f"ranking_options.hybrid_search.{param}"


async def test_the_route_pays_for_the_question_with_its_key(
    async_db: None, ada: Person, owner: Owner
) -> None:
    def fill() -> str:
        installed("encoder")
        return owner.store("The sauna is hot.", "Bread is baked at seven.")

    store = await asyncio.to_thread(_closing, fill)
    body = json.dumps({"query": ["Bread is baked at seven.", "Where is it hot?"]})
    answer = await AsyncClient().post(
        f"/v1/vector_stores/{store}/search", body, "application/json",
        headers={"authorization": f"Bearer {ada.key}"},
    )  # fmt: skip
    told = answer.json()
    assert told["data"][0]["score"] == 1
    assert told["data"][0]["content"][0]["text"] == "Bread is baked at seven."
    last = await Hold.objects.order_by("-created_at").afirst()
    assert last is not None
    assert (last.state, bool(last.key_id)) == ("settled", True)


def _closing(work: Any) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


def test_a_server_without_pgvector_says_so_and_searches_words(
    owner: Owner, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "available", lambda: False)
    store = owner.store("The sauna is hot.")
    assert only(store).embedded_by == ""
    assert len(owner.search(store, "sauna")) == 1
    (warning,) = checks.vectors_can_be_kept(["default"])
    assert warning.id == "knowledge.W001"
    monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda _: {})
    assert checks.vectors_can_be_kept(["default"]) == []  # nothing is there yet
    monkeypatch.undo()
    assert checks.vectors_can_be_kept(["default"]) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension WHERE extname = 'vector'")
        assert cursor.fetchone()
