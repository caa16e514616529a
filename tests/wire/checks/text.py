"""Where a text ends, what it is made of, and that no parameter is dropped in silence."""

from itertools import chain

from tests.wire.raw import Json, Site
from tests.wire.registry import check, check_of_any_model


@check_of_any_model
def the_stop_text_never_comes(site: Site) -> None:
    """It begins in one token and ends in another."""
    text = site.chat().good["choices"][0]["message"]["content"]
    stop = text[7:11]
    before = text[: text.index(stop)]
    for stops in (stop, ["never said", stop]):
        whole, streamed = site.chat(stop=stops), site.chat(stop=stops, stream=True)
        choice = whole.good["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == (before, "stop")
        assert (streamed.said(), streamed.deltas[-1]["finish_reason"]) == (before, "stop")


@check
def completions_stop_too(site: Site) -> None:
    fields = {"prompt": "a b c d #pace=1", "stop": "c d"}
    assert site.complete(**fields).good["choices"][0]["text"] == "a b "
    chunks = site.complete(**fields, stream=True).chunks
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "a b "


@check_of_any_model
def an_answer_is_as_long_as_allowed(site: Site) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        limit = {name: 5}
        whole, streamed = site.chat(**limit), site.chat(**limit, stream=True)
        assert whole.good["usage"]["completion_tokens"] == 5
        assert whole.good["choices"][0]["finish_reason"] == "length"
        assert streamed.deltas[-1]["finish_reason"] == "length"
        assert streamed.said() == whole.good["choices"][0]["message"]["content"]
    assert site.complete("a b c d", max_tokens=2).good["choices"][0]["finish_reason"] == "length"


@check
def an_answer_that_ends_by_itself_says_stop(site: Site) -> None:
    whole, streamed = site.chat(max_tokens=12), site.chat(max_tokens=12, stream=True)
    assert whole.good["choices"][0]["finish_reason"] == "stop"
    assert streamed.deltas[-1]["finish_reason"] == "stop"


@check
def refusal_and_logprobs_are_there_and_null(site: Site) -> None:
    (choice,) = site.chat().good["choices"]
    assert choice.get("logprobs", "missing") is None
    assert choice["message"].get("refusal", "missing") is None
    assert set(choice["message"]) == {"role", "content", "refusal"}
    assert choice["message"]["role"] == "assistant"


@check_of_any_model
def the_bytes_of_logprobs_are_the_text(site: Site) -> None:
    asked = {"logprobs": True, "top_logprobs": 2}
    whole, streamed = site.chat(**asked), site.chat(**asked, stream=True)
    (choice,) = whole.good["choices"]
    assert choice["logprobs"]
    tokens = choice["logprobs"]["content"]
    told = [(choice.get("logprobs") or {}).get("content") or () for choice in streamed.deltas]
    assert _bytes(tokens) == choice["message"]["content"].encode()
    counted = whole.good["usage"]["completion_tokens"]
    assert counted - 1 <= len(tokens) <= counted  # the token that ends an answer has no text
    assert _bytes(list(chain.from_iterable(told))) == streamed.said().encode()
    for token in tokens:
        assert token["logprob"] <= 0
        assert len(token["top_logprobs"]) == 2


def _bytes(tokens: list[Json]) -> bytes:
    return b"".join(bytes(token["bytes"]) for token in tokens)


@check
def completions_tell_legacy_logprobs(site: Site) -> None:
    whole = site.complete("a bb ccc", logprobs=1).good["choices"][0]
    told = whole["logprobs"]
    assert told
    assert told["tokens"] == ["a", " bb", " ccc"]
    assert told["text_offset"] == [0, 1, 4]
    chunks = site.complete("a bb ccc #pace=1", logprobs=1, stream=True).chunks
    streamed = [chunk["choices"][0]["logprobs"] for chunk in chunks]
    for name in ("tokens", "text_offset", "token_logprobs"):
        assert [*chain.from_iterable(one[name] for one in streamed if one)] == told[name]


@check
def a_prompt_is_echoed_with_its_logprobs(site: Site) -> None:
    asked = {"echo": True, "max_tokens": 0, "logprobs": 1}
    choice = site.complete("a bb ccc", **asked).good["choices"][0]
    assert choice["text"] == "a bb ccc"
    assert choice["logprobs"]["token_logprobs"][0] is None
    assert choice["logprobs"]["token_logprobs"][1] < 0
    chunks = site.complete("a b", echo=True, stream=True).chunks
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == "a ba b"


@check
def each_prompt_has_its_choices(site: Site) -> None:
    choices = site.complete(["a", "b"], n=2).good["choices"]
    assert [(c["index"], c["text"]) for c in choices] == [(0, "a"), (1, "a"), (2, "b"), (3, "b")]
    chunks = site.complete(["a", "b"], n=2, stream=True).chunks
    told = [choice for chunk in chunks for choice in chunk["choices"]]
    for index, text in enumerate("aabb"):
        assert "".join(one["text"] for one in told if one["index"] == index) == text


@check
def the_prompt_is_every_message(site: Site) -> None:
    messages = [{"role": role, "content": "one two"} for role in ("system", "assistant", "user")]
    assert site.chat(messages=messages).good["usage"]["prompt_tokens"] == 6
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    said = site.chat(messages=[{"role": "user", "content": parts}]).good["choices"][0]
    assert said["message"]["content"].split() == ["one", "two"]
