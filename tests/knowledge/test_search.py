"""Questions find the chunks that answer them, with a score, a place and a page; filters hold."""

from typing import Any

import pytest

from knowledge import full_text, ingesting, search
from knowledge.ranking import Question
from knowledge.scopes import Scope
from knowledge.search import Hit, Wish
from tests.knowledge.conftest import Owner, texts

SAUNA = "The sauna is in the basement and is heated from six until ten at night."
BREAKFAST = "Breakfast is served on the veranda; the baker brings pretzels at seven."
PARKING = "Guests park behind the church. The barrier opens with the room key. Code ZX-4711."


@pytest.fixture
def hotel(owner: Owner) -> str:
    return owner.store(SAUNA, BREAKFAST, PARKING)


def test_the_chunk_that_answers_comes_first(owner: Owner, hotel: str) -> None:
    assert texts(owner.search(hotel, "Where do guests of the hotel park their car?"))[0] == PARKING
    assert texts(owner.search(hotel, "Who bakes the pretzels?"))[0] == BREAKFAST
    assert texts(owner.search(hotel, "is it heated?"))[0] == SAUNA


def test_words_are_found_in_other_forms_and_names_as_they_stand(owner: Owner, hotel: str) -> None:
    assert texts(owner.search(hotel, "parked"))[0] == PARKING
    assert texts(owner.search(hotel, "zx-4711")) == [PARKING]


def test_other_languages_are_found(owner: Owner) -> None:
    store = owner.store("Die Sauna ist im Keller.", "Der Bäcker bringt Brezeln.")
    assert texts(owner.search(store, "Wer bringt die Brezeln?"))[0].startswith("Der Bäcker")


def test_a_question_of_small_words_alone_still_finds(owner: Owner) -> None:
    store = owner.store("To be, or not to be, that is the question.", "Something else")
    assert len(owner.search(store, "to be or not to be")) == 1


def test_what_shares_no_word_is_not_found(owner: Owner, hotel: str) -> None:
    assert owner.search(hotel, "quantum chromodynamics") == []
    assert owner.search(hotel, "?!") == []


def test_scores_fall_from_one_to_nought(owner: Owner, hotel: str) -> None:
    hits = owner.search(hotel, "sauna basement guests")
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    strict = owner.search(
        hotel, "sauna basement guests", ranking_options={"score_threshold": scores[0]}
    )
    assert texts(strict) == [SAUNA]


def test_several_questions_count_by_the_one_answered_best(owner: Owner, hotel: str) -> None:
    hits = owner.search(hotel, ["sauna", "pretzels"])
    assert set(texts(hits)) == {SAUNA, BREAKFAST}
    assert hits[0]["score"] == owner.search(hotel, "sauna")[0]["score"]


def test_no_more_results_than_asked_for(owner: Owner) -> None:
    store = owner.store(*(f"Soup number {n}" for n in range(12)))
    assert len(owner.search(store, "soup")) == 10
    assert len(owner.search(store, "soup", max_num_results=3)) == 3
    assert len(owner.search(store, "soup", max_num_results=50)) == 12


def test_a_hit_says_where_it_stands(owner: Owner) -> None:
    words = " ".join(f"word{n} and some more." for n in range(400))
    file = owner.file(words, "long.md")
    sizes = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20}
    store = owner.post(
        "",
        {"file_ids": [file.id], "chunking_strategy": {"type": "static", "static": sizes}},
    )["id"]
    ingesting.work()
    (hit,) = owner.search(store, "word200", max_num_results=1)
    assert (hit["file_id"], hit["filename"]) == (file.id, "long.md")
    content = owner.get(f"/{store}/files/{file.id}/content")
    assert content["data"][hit["content"][0]["place"]] == hit["content"][0]
    assert "word200" in hit["content"][0]["text"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"type": "eq", "key": "town", "value": "Ulm"}, "a"),
        ({"type": "ne", "key": "town", "value": "Ulm"}, "bc"),
        ({"type": "in", "key": "town", "value": ["Ulm", "Bonn"]}, "ab"),
        ({"type": "nin", "key": "town", "value": ["Ulm"]}, "bc"),
        ({"type": "gt", "key": "year", "value": 2000}, "b"),
        ({"type": "gte", "key": "year", "value": 2000}, "ab"),
        ({"type": "lt", "key": "year", "value": 2000.5}, "a"),
        ({"type": "lte", "key": "year", "value": 1999}, ""),
        ({"type": "eq", "key": "year", "value": "2000"}, ""),
        ({"type": "eq", "key": "open", "value": True}, "a"),
        ({"type": "eq", "key": "open", "value": 1}, ""),
        ({"type": "gt", "key": "town", "value": 3}, ""),
        (
            {
                "type": "or",
                "filters": [
                    {"type": "eq", "key": "town", "value": "Bonn"},
                    {
                        "type": "and",
                        "filters": [
                            {"type": "eq", "key": "town", "value": "Ulm"},
                            {"type": "eq", "key": "open", "value": True},
                        ],
                    },
                ],
            },
            "ab",
        ),
    ],
)
def test_filters_choose_by_attributes(owner: Owner, filters: dict[str, Any], found: str) -> None:
    store = owner.store()
    known = {
        "a": {"town": "Ulm", "year": 2000, "open": True},
        "b": {"town": "Bonn", "year": 2001},
        "c": {},
    }
    files = [
        {"file_id": owner.file(f"soup {name}").id, "attributes": attributes}
        for name, attributes in known.items()
    ]
    owner.post(f"/{store}/file_batches", {"files": files})
    ingesting.work()
    hits = owner.search(store, "soup", filters=filters)
    assert sorted(text[-1] for text in texts(hits)) == list(found)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "query"),
        ({"query": ""}, "query[0]"),
        ({"query": []}, "query"),
        ({"query": ["a"] * 11}, "query"),
        ({"query": "a", "max_num_results": 51}, "max_num_results"),
        ({"query": "a", "max_num_results": 0}, "max_num_results"),
        ({"query": "a", "ranking_options": {"ranker": "x"}}, "ranking_options.ranker"),
        ({"query": "a", "filters": {"type": "like", "key": "k", "value": "v"}}, "filters.type"),
        ({"query": "a", "filters": {"type": "in", "key": "k", "value": "v"}}, "filters.value"),
        ({"query": "a", "filters": {"type": "and", "filters": []}}, "filters.filters"),
    ],
)  # fmt: skip
def test_wrong_fields_are_named(owner: Owner, hotel: str, body: dict[str, Any], param: str) -> None:
    assert owner.post(f"/{hotel}/search", body, 400)["error"]["param"] == param


@pytest.mark.parametrize(
    "query", ["' OR 1=1 --", "a & | ! ( :* <->", "\\", "%s %(query)s", "é" * 4000]
)
def test_a_question_is_only_words(owner: Owner, hotel: str, query: str) -> None:
    owner.search(hotel, query)


def test_nobody_finds_what_is_not_theirs(owner: Owner, stranger: Owner, hotel: str) -> None:
    def found(who: Owner, *stores: str) -> list[Hit]:
        return search.best(who.organisation.id, stores, [Question("sauna")], Wish())

    assert found(owner, hotel)
    assert found(stranger, hotel) == []
    assert full_text.rank(Scope(stranger.organisation.id, [hotel]), "sauna", 5) == []
    theirs = stranger.store("my own sauna")
    assert [hit.text for hit in found(stranger, hotel, theirs)] == ["my own sauna"]
