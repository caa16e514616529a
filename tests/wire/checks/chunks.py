"""The chunks of a chat stream: who speaks, what they are called, how they end."""

from tests.wire.checks.usage import WANTED
from tests.wire.raw import DONE, Site
from tests.wire.registry import check

THREE = {"n": 3, "stream": True}


@check
def the_role_comes_once_and_first(site: Site) -> None:
    deltas = site.chat(**THREE).deltas
    for index in range(3):
        ours = [choice["delta"] for choice in deltas if choice["index"] == index]
        assert ours[0].get("role") == "assistant"
        assert [delta for delta in ours[1:] if "role" in delta] == []


@check
def id_time_and_model_never_change(site: Site) -> None:
    for whole, streamed, prefix in (
        (site.chat(), site.chat(**WANTED), "chatcmpl-"),
        (site.complete("a b"), site.complete("a b", **WANTED), "cmpl-"),
    ):
        told = {(c["id"], c["created"], c["model"], c["object"]) for c in streamed.chunks}
        assert len(told) == 1 < len(streamed.chunks)
        name, created, model, kind = told.pop()
        assert name.startswith(prefix)
        assert whole.good["id"].startswith(prefix)
        assert model == whole.good["model"] == site.model
        assert 0 <= created - whole.good["created"] <= 60
        assert kind == {
            "chat.completion": "chat.completion.chunk", "text_completion": "text_completion",
        }[whole.good["object"]]  # fmt: skip


@check
def every_choice_ends_once_with_an_empty_delta(site: Site) -> None:
    for fields in (THREE, {**THREE, "max_tokens": 2}, {"stream": True, "stop": "w3"}):
        deltas = site.chat(**fields).deltas
        for index in {choice["index"] for choice in deltas}:
            ours = [choice for choice in deltas if choice["index"] == index]
            assert [choice["finish_reason"] for choice in ours[:-1]] == [None] * (len(ours) - 1)
            assert ours[-1]["finish_reason"] in {"stop", "length"}
            assert ours[-1]["delta"] == {}


@check
def done_comes_last_and_once(site: Site) -> None:
    for answer in (
        site.chat(stream=True), site.chat(**WANTED), site.complete(site.prompt, stream=True),
    ):  # fmt: skip
        places = [i for i, event in enumerate(answer.events) if event.data == DONE]
        assert places == [len(answer.events) - 1]


@check
def chats_have_no_event_lines(site: Site) -> None:
    for answer in (site.chat(stream=True), site.complete(site.prompt, stream=True)):
        assert {event.name for event in answer.events} == {None}


@check
def streams_are_event_streams(site: Site) -> None:
    for answer in (site.chat(stream=True), site.respond(stream=True)):
        assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
        assert "content-length" not in answer.headers
        assert "content-encoding" not in answer.headers
        assert answer.events


@check
def a_stream_comes_while_it_is_made(site: Site) -> None:
    for answer in (
        site.chat("#words=10 #pace=20", stream=True),
        site.complete("#words=10 #pace=20", stream=True),
        site.respond("#words=10 #pace=20", stream=True),
    ):
        assert answer.arrivals[-1] - answer.arrivals[0] > 0.1


@check
def chunks_have_every_key_that_clients_read(site: Site) -> None:
    answer = site.chat(**WANTED)
    for chunk in answer.chunks:
        assert {"id", "object", "created", "model", "choices"} <= set(chunk)
    for choice in answer.deltas:
        assert {"index", "delta", "finish_reason", "logprobs"} <= set(choice)


@check
def choices_are_as_many_as_asked_for(site: Site) -> None:
    for number in (1, 3):
        whole, streamed = site.chat(n=number).good["choices"], site.chat(n=number, stream=True)
        assert [choice["index"] for choice in whole] == list(range(number))
        assert {choice["index"] for choice in streamed.deltas} == set(range(number))


@check
def choices_come_side_by_side(site: Site) -> None:
    places = [choice["index"] for choice in site.chat(**THREE).deltas]
    first_end = len(places) - 1 - places[::-1].index(0)
    assert {1, 2} <= set(places[:first_end])


@check
def a_stream_says_what_the_whole_answer_says(site: Site) -> None:
    whole, streamed = site.chat(n=2).good["choices"], site.chat(n=2, stream=True)
    for choice in whole:
        assert streamed.said(choice["index"]) == choice["message"]["content"] != ""
    text = site.complete("a b c").good["choices"][0]["text"]
    chunks = site.complete("a b c", stream=True).chunks
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == text


@check
def no_character_is_split(site: Site) -> None:
    expected = "naïve 日本語 🙂 Ελλάδα 👩‍👩‍👧 e\u0301té"
    assert site.chat("#unicode").good["choices"][0]["message"]["content"] == expected
    assert site.chat("#unicode #pace=1", stream=True).said() == expected
    answer = site.respond("#unicode #pace=1", stream=True)
    told = [chunk["delta"] for chunk in answer.chunks if chunk["type"].endswith("text.delta")]
    assert "".join(told) == expected


@check
def the_longest_stream_loses_nothing(site: Site) -> None:
    words = [f"w{i}" for i in range(1, 3001)]
    assert site.chat("#words=3000", stream=True, max_tokens=3000).said().split() == words
