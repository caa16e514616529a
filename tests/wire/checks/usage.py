"""What was used is told once, when asked for, and is the same everywhere."""

from typing import Any

from tests.wire.raw import Json, Site
from tests.wire.registry import check, check_of_any_model

WANTED: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
UNWANTED: list[dict[str, Any]] = [{}, {"stream_options": {}}, {"stream_options": None},
            {"stream_options": {"include_usage": False}}]  # fmt: skip
TOTALS = ("prompt_tokens", "completion_tokens", "total_tokens")


@check
def usage_comes_only_when_asked_for(site: Site) -> None:
    for options in UNWANTED:
        for answer in (
            site.chat(stream=True, **options),
            site.complete(site.prompt, max_tokens=4, stream=True, **options),
        ):
            assert [chunk for chunk in answer.chunks if "usage" in chunk] == []


@check
def usage_is_null_in_every_earlier_chunk(site: Site) -> None:
    for answer in (site.chat(**WANTED), site.complete(site.prompt, max_tokens=4, **WANTED)):
        earlier = answer.chunks[:-1]
        assert earlier
        assert [chunk for chunk in earlier if chunk.get("usage", "missing") is not None] == []


@check
def one_usage_chunk_without_choices_comes_last(site: Site) -> None:
    for answer in (site.chat(**WANTED), site.complete(site.prompt, max_tokens=4, **WANTED)):
        assert [chunk["choices"] for chunk in answer.chunks if chunk.get("usage")] == [[]]
        assert answer.chunks[-1].get("usage")


@check_of_any_model
def usage_is_the_same_whole_streamed_and_in_the_ledger(site: Site) -> None:
    for number in (1, 3):
        whole, streamed = site.chat(n=number), site.chat(n=number, **WANTED)
        told = whole.good["usage"], streamed.chunks[-1]["usage"]
        assert [told[0][name] for name in TOTALS] == [told[1][name] for name in TOTALS]
        for answer, used in zip((whole, streamed), told, strict=True):
            _agrees(used, site.get(f"/v1/generations/{answer.generation}").good)


def _agrees(told: Json, entry: Json) -> None:
    assert {name: told[name] for name in (*TOTALS, "cost")} == {
        name: entry[name] for name in (*TOTALS, "cost")
    }
    assert told["total_tokens"] == told["prompt_tokens"] + told["completion_tokens"]
    assert told["prompt_tokens_details"]["cached_tokens"] == entry["cached_tokens"]


@check
def usage_counts_every_token_of_every_choice(site: Site) -> None:
    whole = site.chat("one two three", n=2).good["usage"]
    assert (whole["prompt_tokens"], whole["completion_tokens"]) == (3, 6)
    assert site.complete(["a b", "c"], n=2).good["usage"] == {
        **whole, "prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9,
    }  # fmt: skip


@check
def cached_tokens_and_what_was_paid_are_told(site: Site) -> None:
    plain, cached = site.chat("a b c #cached=0"), site.chat("a b c #cached=2")
    details = cached.good["usage"]["prompt_tokens_details"]
    assert details["cached_tokens"] == 2
    assert plain.good["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    for answer in (plain, cached):
        assert answer.headers["x-request-cost"] == answer.good["usage"]["cost"]
        assert float(answer.good["usage"]["cost"]) > 0
