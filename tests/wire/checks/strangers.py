"""What belongs to one organisation does not exist for another."""

import re
import time

from tests.wire.raw import Answer, Json, Site
from tests.wire.registry import check


def belongings(site: Site) -> dict[str, str]:
    """Ada's things of every kind: what they are called, by the path they are at."""
    items = [{"role": "user", "content": "Ada's secret"}]
    conversation = site.post("/v1/conversations", {"items": items}).good["id"]
    item = site.get(f"/v1/conversations/{conversation}/items").good["data"][0]["id"]
    chat = site.chat("Ada's secret", store=True)
    response = site.respond("Ada's secret").good["id"]
    background = site.respond("Ada's secret", background=True).good["id"]
    return {
        "chat": f"/v1/chat/completions/{chat.good['id']}",
        "messages": f"/v1/chat/completions/{chat.good['id']}/messages",
        "generation": f"/v1/generations/{chat.generation}",
        "response": f"/v1/responses/{response}",
        "events": f"/v1/responses/{response}?stream=true",
        "background": f"/v1/responses/{background}",
        "input items": f"/v1/responses/{response}/input_items",
        "conversation": f"/v1/conversations/{conversation}",
        "items": f"/v1/conversations/{conversation}/items",
        "item": f"/v1/conversations/{conversation}/items/{item}",
        "file": f"/v1/files/{upload(site).good['id']}",
    }


def upload(site: Site) -> Answer:
    parts = {"purpose": "user_data", 'file"; filename="a.txt': "Ada's secret"}
    body = "".join(
        f'--wire\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    headers = {"content-type": "multipart/form-data; boundary=wire"}
    return site.send("POST", "/v1/files", f"{body}--wire--\r\n".encode(), headers)


def is_hidden(answer: Answer) -> bool:
    return answer.status == 404 and set(answer.error) == {"message", "type", "param", "code"}


@check
def a_strangers_ids_do_not_exist(site: Site) -> None:
    places, mallory = belongings(site), site.of("mallory")
    for place in (*places.values(), f"{places['file']}/content"):
        assert site.get(place).status == 200, place
        assert is_hidden(mallory.get(place)), place


@check
def nobody_changes_what_is_a_strangers(site: Site) -> None:
    places, mallory = belongings(site), site.of("mallory")
    items = {"items": [{"role": "user", "content": "x"}]}
    assert is_hidden(mallory.post(places["items"], items))
    for name in ("chat", "conversation"):
        assert is_hidden(mallory.post(places[name], {"metadata": {"a": "b"}}))
    assert is_hidden(mallory.post(f"{places['background']}/cancel"))
    for name in ("chat", "response", "background", "item", "conversation", "file"):
        assert is_hidden(mallory.delete(places[name]))
        assert site.get(places[name]).status == 200


@check
def nobody_goes_on_from_a_strangers_words(site: Site) -> None:
    places, mallory = belongings(site), site.of("mallory")
    response, conversation = (places[n].rpartition("/")[2] for n in ("response", "conversation"))
    for path in ("/v1/responses", "/v1/responses/input_tokens", "/v1/responses/compact"):
        body: Json = {"model": site.model, "input": "x"}
        earlier = mallory.post(path, {**body, "previous_response_id": response})
        assert earlier.status == 400
        assert earlier.error["code"] == "previous_response_not_found"
        if not path.endswith("compact"):  # it takes no conversation
            assert is_hidden(mallory.post(path, {**body, "conversation": conversation}))


@check
def lists_hold_nothing_of_strangers(site: Site) -> None:
    places, mallory = belongings(site), site.of("mallory")
    for path, name in (("/v1/chat/completions", "chat"), ("/v1/files", "file")):
        whose = places[name].rpartition("/")[2].encode()
        assert whose in site.get(f"{path}?limit=100&order=desc").raw
        assert whose not in mallory.get(f"{path}?limit=100&order=desc").raw


@check
def a_strangers_id_is_like_one_that_never_was(site: Site) -> None:
    places, mallory = belongings(site), site.of("mallory")
    for place in places.values():
        name = re.findall("[a-z]+[_-][0-9a-f]{24,}", place)[-1]
        never = name[:-12] + "0123456789ab"
        hidden, absent = mallory.get(place), mallory.get(place.replace(name, never))
        assert is_hidden(hidden)
        assert hidden.raw.decode().replace(name, never) == absent.raw.decode()


@check
def items_of_strangers_cannot_be_referred_to(site: Site) -> None:
    response = site.respond("Ada's secret").good
    item = [{"type": "item_reference", "id": response["output"][0]["id"]}]
    asked = [*item, {"role": "user", "content": "x"}]
    assert site.respond(asked).good["usage"]["input_tokens"] == 3
    assert site.of("mallory").respond(asked).status in {400, 404}


@check
def what_was_compacted_is_readable_for_nobody_else(site: Site) -> None:
    body = {"model": site.model, "input": "Ada's secret"}
    output = site.post("/v1/responses/compact", body).good["output"]
    asked = [*output, {"role": "user", "content": "x"}]
    assert site.respond(asked).good["usage"]["input_tokens"] > 3
    refused = site.of("mallory").respond(asked)
    assert refused.status == 400
    assert refused.error["type"] == "invalid_request_error"


@check
def a_retrys_key_is_nobody_elses(site: Site) -> None:
    body = {"model": site.model, "messages": [{"role": "user", "content": "a secret"}]}
    headers = {"idempotency-key": f"wire-{time.monotonic_ns()}"}
    place = "/v1/chat/completions"
    mine, theirs = (
        one.send("POST", place, body, headers).good["id"] for one in (site, site.of("mallory"))
    )
    assert mine != theirs
