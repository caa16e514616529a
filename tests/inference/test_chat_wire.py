"""The bytes of a chat completion, streamed and whole, as OpenAI's clients read them."""

import pytest

from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, cost, only_hold

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


async def test_a_whole_answer_has_every_required_key(ada: Tenant) -> None:
    call = await ada.ask("one two three")
    assert call.status == 200
    answer = call.json
    assert answer["id"].startswith("chatcmpl-")
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "scripted"
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "one two three", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    usage = answer["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (3, 3, 6)
    assert usage["cost"] == call.answer_headers["x-request-cost"] == "0.000009"


async def test_what_is_stated_is_what_is_charged(ada: Tenant) -> None:
    await ada.ask("one two three")
    hold = await only_hold()
    assert (hold.state, hold.charged) == ("settled", cost(3, 3))
    assert await balance(ada) == (10**9 - cost(3, 3), 0)


async def test_a_stream_goes_role_content_finish_done(ada: Tenant) -> None:
    call = await ada.ask("one two", stream=True)
    assert call.status == 200
    assert call.answer_headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in call.answer_headers
    assert [event["choices"] for event in call.events] == [
        [_chunk({"role": "assistant", "content": "", "refusal": None})],
        [_chunk({"content": "one"})],
        [_chunk({"content": " two"})],
        [_chunk({}, "stop")],
    ]


async def test_all_chunks_bear_the_same_id_time_and_model(ada: Tenant) -> None:
    events = (await ada.ask("a b c", stream=True)).events
    assert len({(e["id"], e["created"], e["model"], e["object"]) for e in events}) == 1
    assert events[0]["object"] == "chat.completion.chunk"


@pytest.mark.parametrize("options", [{}, {"stream_options": {}}, {"stream_options": None}])
async def test_without_opt_in_no_chunk_has_usage(ada: Tenant, options: dict[str, object]) -> None:
    call = await ada.ask("a b c", stream=True, **options)
    assert b"usage" not in call.raw


async def test_with_opt_in_usage_is_null_until_one_last_chunk(ada: Tenant) -> None:
    call = await ada.ask("a b c", stream=True, stream_options={"include_usage": True})
    *chunks, last = call.events
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 6
    assert last["usage"]["cost"] == "0.000009"
    assert last["id"] == chunks[0]["id"]


async def test_several_choices_are_interleaved_and_finish_once_each(ada: Tenant) -> None:
    events = (await ada.ask("a b", stream=True, n=3)).events
    by_index: dict[int, list[object]] = {0: [], 1: [], 2: []}
    for event in events:
        (choice,) = event["choices"]
        by_index[choice["index"]].append(choice["finish_reason"] or choice["delta"]["content"])
    assert by_index == {index: ["", "a", " b", "stop"] for index in range(3)}


async def test_several_choices_are_all_paid_and_the_prompt_once(ada: Tenant) -> None:
    call = await ada.ask("a b", n=3)
    assert [choice["index"] for choice in call.json["choices"]] == [0, 1, 2]
    assert call.json["usage"]["completion_tokens"] == 6
    assert (await only_hold()).charged == cost(2, 6)


async def test_what_is_ready_together_goes_out_in_one_piece(ada: Tenant) -> None:
    call = await ada.ask("#words=64", stream=True)
    assert len(call.events) == 1 + 64 + 1
    assert len(call.pieces) <= 3


async def test_paced_tokens_go_out_as_they_come(ada: Tenant) -> None:
    call = await ada.ask("#words=5 #pace=5", stream=True)
    assert len(call.pieces) >= 6


@pytest.mark.parametrize("stream", [False, True])
async def test_text_is_utf8_and_never_escaped_or_split(ada: Tenant, stream: bool) -> None:
    call = await ada.ask("#unicode", stream=stream)
    assert "👩‍👩‍👧".encode() in call.raw
    assert b"\xef\xbf\xbd" not in call.raw
    assert call.raw.decode()


async def test_the_streamed_and_the_whole_answer_say_the_same(ada: Tenant) -> None:
    whole = (await ada.ask("#words=20", max_tokens=7)).json["choices"][0]
    events = (await ada.ask("#words=20", max_tokens=7, stream=True)).events
    deltas = [event["choices"][0]["delta"].get("content", "") for event in events]
    assert "".join(deltas) == whole["message"]["content"]
    assert events[-1]["choices"][0]["finish_reason"] == whole["finish_reason"] == "length"


async def test_a_stop_string_never_shows(ada: Tenant) -> None:
    call = await ada.ask("one two three four", stop="ee f")
    assert call.json["choices"][0]["message"]["content"] == "one two thr"
    assert call.json["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("stream", [False, True])
async def test_logprobs_join_to_the_content(ada: Tenant, stream: bool) -> None:
    call = await ada.ask("#unicode", logprobs=True, top_logprobs=2, stream=stream)
    if stream:
        choices = [event["choices"][0] for event in call.events]
        tokens = [token for c in choices if c["logprobs"] for token in c["logprobs"]["content"]]
        content = "".join(c["delta"].get("content", "") for c in choices)
    else:
        tokens = call.json["choices"][0]["logprobs"]["content"]
        content = call.json["choices"][0]["message"]["content"]
    assert b"".join(bytes(token["bytes"]) for token in tokens).decode() == content
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)
    assert set(tokens[0]) == {"token", "logprob", "bytes", "top_logprobs"}


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
async def test_the_prefix_is_optional(ada: Tenant, path: str) -> None:
    assert (await ada.call(path=path).finished()).status == 200


async def test_text_parts_and_every_role_reach_the_engine(ada: Tenant) -> None:
    messages = [
        {"role": "developer", "content": "a"},
        {"role": "assistant", "content": None, "refusal": "d"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "e", "tool_call_id": "call_1"},
        {"role": "function", "content": "f", "name": "g"},
        {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
    ]
    call = await ada.ask(messages=messages)
    assert call.json["choices"][0]["message"]["content"] == "b c"
    assert call.json["usage"]["prompt_tokens"] == 8


def _chunk(delta: dict[str, object], finish_reason: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
