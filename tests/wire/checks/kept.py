"""What is kept: responses that others go on from, their events, stored chats, conversations."""

import time

from tests.wire.checks.responses import TOOLS, calls_of, text_of
from tests.wire.raw import Answer, Json, Site
from tests.wire.registry import check
from tests.wire.tools import ASK

AGAIN = [{"role": "developer", "content": "again"}]  # the last user's words are the earlier ones


@check
def an_earlier_response_is_gone_on_from(site: Site) -> None:
    first = site.respond("one two three").good
    second = site.respond(AGAIN, previous_response_id=first["id"]).good
    assert text_of(second) == "one two three"
    assert second["usage"]["input_tokens"] == 7  # three, the answer's three, and one
    assert second["previous_response_id"] == first["id"]
    third = site.respond("x", previous_response_id=second["id"]).good
    assert third["usage"]["input_tokens"] == 11


@check
def a_tools_result_goes_on_from_its_call(site: Site) -> None:
    first = site.respond(ASK, **TOOLS).good
    (call,) = calls_of(first)
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    second = site.respond([output], **TOOLS, previous_response_id=first["id"])
    assert text_of(second.good) == "I was told: rain"


@check
def instructions_are_not_carried_over(site: Site) -> None:
    used = []
    for words in ("short", "many words of instructions that count as tokens"):
        first = site.respond("a b", instructions=words).good
        second = site.respond("c", previous_response_id=first["id"]).good
        assert second["instructions"] is None
        used.append(second["usage"]["input_tokens"])
    assert used == [5, 5]


@check
def what_is_not_stored_cannot_be_found(site: Site) -> None:
    answer = site.respond("a", store=False)
    assert answer.good["store"] is False
    assert site.get(f"/v1/responses/{answer.good['id']}").status == 404
    refused = site.respond("b", previous_response_id=answer.good["id"])
    assert (refused.status, refused.error["code"]) == (400, "previous_response_not_found")


@check
def an_unknown_earlier_response_is_refused(site: Site) -> None:
    for stream in (False, True):
        refused = site.respond("b", previous_response_id="resp_none", stream=stream)
        assert (refused.status, refused.error["code"]) == (400, "previous_response_not_found")
        assert refused.error["param"] == "previous_response_id"


@check
def a_response_comes_back_as_it_was(site: Site) -> None:
    said = [{"role": "user", "content": text} for text in ("first", "second", "third")]
    response = site.respond(said, metadata={"a": "b"}).good
    assert site.get(f"/v1/responses/{response['id']}").good == response
    items = site.get(f"/v1/responses/{response['id']}/input_items?order=asc").good["data"]
    assert [item["content"][0]["text"] for item in items] == ["first", "second", "third"]


@check
def a_deleted_response_is_gone(site: Site) -> None:
    name = site.respond("a").good["id"]
    assert site.delete(f"/v1/responses/{name}").good.get("deleted") is True
    assert site.get(f"/v1/responses/{name}").status == 404
    assert site.delete(f"/v1/responses/{name}").status == 404


@check
def work_in_the_background_comes_at_once_and_can_be_cancelled(site: Site) -> None:
    answer = site.respond("#words=500 #pace=20", background=True, max_output_tokens=500)
    name = answer.good["id"]
    assert answer.good["status"] in {"queued", "in_progress"}
    assert (answer.good["background"], answer.good["output"]) == (True, [])
    assert site.post(f"/v1/responses/{name}/cancel").good["status"] == "cancelled"
    later = site.get(f"/v1/responses/{name}").good
    assert later["status"] == "cancelled"
    refused = site.post(f"/v1/responses/{site.respond('a').good['id']}/cancel")
    assert refused.status == 400


@check
def work_in_the_background_is_done_without_a_reader(site: Site) -> None:
    name = site.respond("#words=5 #pace=1", background=True).good["id"]
    assert text_of(finished(site, name)) == "w1 w2 w3 w4 w5"


@check
def events_come_again_from_any_number(site: Site) -> None:
    live = site.respond("#words=20 #pace=5", background=True, stream=True)
    name = live.chunks[0]["response"]["id"]
    assert live.chunks[-1]["type"] == "response.completed"
    for after in (-1, 0, 7, len(live.events) - 2):
        answer = site.get(f"/v1/responses/{name}?stream=true&starting_after={after}")
        assert answer.events == live.events[after + 1 :]


@check
def a_running_response_can_be_followed(site: Site) -> None:
    name = site.respond("#words=40 #pace=5", background=True).good["id"]
    answer = site.get(f"/v1/responses/{name}?stream=true&starting_after=2")
    numbers = [chunk["sequence_number"] for chunk in answer.chunks]
    assert numbers == list(range(3, 3 + len(numbers)))
    assert answer.chunks[-1]["response"] == site.get(f"/v1/responses/{name}").good


def finished(site: Site, name: str) -> Json:
    for _ in range(200):
        response = site.get(f"/v1/responses/{name}").good
        if response["status"] not in {"queued", "in_progress"}:
            break
        time.sleep(0.02)
    return response


@check
def a_conversation_remembers_turns(site: Site) -> None:
    said = [{"role": "user", "content": "one two"}]
    conversation = site.post("/v1/conversations", {"items": said, "metadata": {"a": "b"}}).good
    assert conversation["metadata"] == {"a": "b"}
    name = conversation["id"]
    first = site.respond(AGAIN, conversation=name).good
    assert text_of(first) == "one two"
    assert first["conversation"] == {"id": name}
    second = site.respond("x", conversation={"id": name}, stream=True).chunks[-1]["response"]
    assert second["usage"]["input_tokens"] == 6
    texts = [item["content"][0]["text"] for item in _items(site, name).good["data"]]
    assert texts == ["one two", "again", "one two", "x", "x"]


@check
def items_of_a_conversation_come_and_go(site: Site) -> None:
    name = site.post("/v1/conversations").good["id"]
    items = [{"role": "user", "content": str(number)} for number in range(3)]
    added = site.post(f"/v1/conversations/{name}/items", {"items": items}).good["data"]
    place = f"/v1/conversations/{name}/items/{added[1]['id']}"
    assert site.get(place).good == added[1]
    assert site.delete(place).status == 200
    assert site.get(place).status == 404
    assert _items(site, name).good["data"] == [added[0], added[2]]
    assert site.delete(f"/v1/conversations/{name}").good.get("deleted") is True
    assert site.get(f"/v1/conversations/{name}").status == 404


@check
def pages_follow_each_other_to_an_end(site: Site) -> None:
    items = [{"role": "user", "content": str(number)} for number in range(5)]
    name = site.post("/v1/conversations", {"items": items}).good["id"]
    seen, after = [], ""
    for _ in range(3):
        page = _items(site, name, f"&limit=2{after}").good
        seen += [item["content"][0]["text"] for item in page["data"]]
        assert (page["first_id"], page["last_id"]) == (
            page["data"][0]["id"],
            page["data"][-1]["id"],
        )
        after = f"&after={page['last_id']}"
        assert page["has_more"] is (len(seen) < 5)
    assert seen == ["0", "1", "2", "3", "4"]


def _items(site: Site, name: str, query: str = "") -> Answer:
    return site.get(f"/v1/conversations/{name}/items?order=asc{query}")


@check
def a_stored_chat_can_be_found_again(site: Site) -> None:
    label = {"run": str(time.monotonic_ns())}
    site.chat("of another run", store=True)
    whole = site.chat("a b", store=True, metadata=label).good
    streamed = site.chat("c d", store=True, metadata=label, stream=True)
    ids = [whole["id"], streamed.chunks[0]["id"]]
    found = [site.get(f"/v1/chat/completions/{name}").good for name in ids]
    assert [one["choices"][0]["message"]["content"] for one in found] == ["a b", "c d"]
    assert found[0]["usage"] == whole["usage"]
    listed = site.get(f"/v1/chat/completions?metadata[run]={label['run']}").good["data"]
    assert [one["id"] for one in listed] == ids
    messages = site.get(f"/v1/chat/completions/{ids[1]}/messages").good["data"]
    assert [message["content"] for message in messages] == ["c d"]
    assert site.delete(f"/v1/chat/completions/{ids[0]}").good.get("deleted") is True
    assert site.get(f"/v1/chat/completions/{ids[0]}").status == 404
    kept = site.chat("a b").good["id"]
    assert site.get(f"/v1/chat/completions/{kept}").status == 404


@check
def tokens_are_counted_before_they_are_paid(site: Site) -> None:
    body = {"model": site.model, "input": "one two three"}
    assert site.post("/v1/responses/input_tokens", body).good["input_tokens"] == 3
    assert site.respond("one two three").good["usage"]["input_tokens"] == 3
