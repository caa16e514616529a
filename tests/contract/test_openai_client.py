"""The real openai client, sync and async, against the running server on the built-in model."""

import asyncio
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.running import Tenant, stated_cost

INPUT, OUTPUT = 50_000, 100_000  # the built-in model's price in pico-dollars a token
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello!"}]


def charge(answer: ChatCompletion) -> int:
    """What an answer must cost, in nano-dollars, rounded up once."""
    assert answer.usage is not None
    pico = answer.usage.prompt_tokens * INPUT + answer.usage.completion_tokens * OUTPUT
    return -(-pico // 1000)


def test_a_chat_completion_answers_and_states_its_exact_cost(ada: Tenant) -> None:
    before = ada.balance_nano()
    raw = ada.client().chat.completions.with_raw_response.create(
        model="smarter-mini", messages=HELLO, max_tokens=40, temperature=0
    )
    answer = raw.parse()

    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "smarter-mini"
    choice = answer.choices[0]
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    assert choice.message.content
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert raw.headers["x-request-id"].startswith("req_")
    assert before - ada.balance_nano() == charge(answer)
    assert raw.headers["x-request-cost"] == stated_cost(answer)


def test_a_stream_says_the_same_as_one_answer(ada: Tenant) -> None:
    whole = ada.client().chat.completions.create(
        model="smarter-mini", messages=HELLO, max_tokens=40, temperature=0
    )
    chunks = list(
        ada.client().chat.completions.create(
            model="smarter-mini",
            messages=HELLO,
            max_tokens=40,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({(c.id, c.created, c.model) for c in chunks}) == 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert all(c.usage is None for c in chunks[:-1])


def test_a_stream_without_opt_in_carries_no_usage(ada: Tenant) -> None:
    chunks = ada.client().chat.completions.create(
        model="smarter-mini", messages=HELLO, max_tokens=8, stream=True
    )
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)


async def test_the_async_client_streams_many_answers_at_once(ada: Tenant) -> None:
    async with ada.async_client() as client:

        async def one(number: int) -> str:
            stream = await client.chat.completions.create(
                model="smarter-mini",
                messages=[{"role": "user", "content": f"Count to {number}"}],
                temperature=0,
                max_tokens=100,
                stream=True,
            )
            return "".join([c.choices[0].delta.content or "" async for c in stream])

        texts = await asyncio.gather(*(one(number) for number in range(3, 11)))
    alone = [ada.ask(f"Count to {number}") for number in range(3, 11)]
    assert texts == alone


def test_n_choices_are_paid_and_numbered(ada: Tenant) -> None:
    before = ada.balance_nano()
    answer = ada.client().chat.completions.create(
        model="smarter-mini", messages=HELLO, n=3, max_tokens=12, temperature=1.0, seed=5
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert before - ada.balance_nano() == charge(answer)


def test_the_same_seed_gives_the_same_text(ada: Tenant) -> None:
    def once(seed: int) -> str | None:
        answer = ada.client().chat.completions.create(
            model="smarter-mini",
            messages=[{"role": "user", "content": "List 4 animals."}],
            temperature=2,
            seed=seed,
            max_tokens=40,
        )
        return answer.choices[0].message.content

    assert once(11) == once(11)
    assert len({once(seed) for seed in range(1, 6)}) > 1


def test_a_stop_string_ends_the_answer_and_never_shows(ada: Tenant) -> None:
    def count(**extra: Any) -> ChatCompletion:
        made: ChatCompletion = ada.client().chat.completions.create(
            model="smarter-mini",
            messages=[{"role": "user", "content": "Count to 9"}],
            temperature=0,
            max_tokens=60,
            **extra,
        )
        return made

    full, cut = count(), count(stop=["5"])
    assert "5" in (full.choices[0].message.content or "")
    assert "5" not in (cut.choices[0].message.content or "")
    assert (full.choices[0].message.content or "").startswith(cut.choices[0].message.content or "?")
    assert cut.choices[0].finish_reason == "stop"


def test_logprobs_join_to_the_content(ada: Tenant) -> None:
    answer = ada.client().chat.completions.create(
        model="smarter-mini", messages=HELLO, max_tokens=10, logprobs=True, top_logprobs=3
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    joined = b"".join(bytes(token.bytes or []) for token in logprobs.content).decode()
    assert joined == answer.choices[0].message.content
    assert all(len(token.top_logprobs) == 3 for token in logprobs.content)
    assert all(token.logprob <= 0 for token in logprobs.content)


def test_max_tokens_cuts_with_finish_reason_length(ada: Tenant) -> None:
    answer = ada.client().chat.completions.create(
        model="smarter-mini", messages=[{"role": "user", "content": "Count to 20"}], max_tokens=3
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_a_legacy_completion_continues_text(ada: Tenant) -> None:
    answer = ada.client().completions.create(
        model="smarter-mini", prompt=["Once upon a time", "Hello"], max_tokens=6, n=2
    )
    assert answer.object == "text_completion"
    assert answer.id.startswith("cmpl-")
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]


def test_models_can_be_listed_and_retrieved(ada: Tenant) -> None:
    client = ada.client()
    ids = [model.id for model in client.models.list()]
    assert "smarter-mini" in ids
    assert "llama3:8b-instruct-q8_0" not in ids  # not installed: cannot be called now
    assert client.models.retrieve("smarter-mini").object == "model"


@pytest.mark.parametrize(
    ("call", "error", "code", "param"),
    [
        ({"model": "nobody/knows:this"}, openai.NotFoundError, "model_not_found", "model"),
        ({"temperature": 3}, openai.BadRequestError, None, "temperature"),
        ({"messages": []}, openai.BadRequestError, None, "messages"),
        ({"tools": [{"type": "function"}]}, openai.BadRequestError, None, "tools[0].function"),
        (
            {"response_format": {"type": "xml"}},
            openai.BadRequestError,
            None,
            "response_format.type",
        ),
        ({"extra_body": {"no_such_field": 1}}, openai.BadRequestError, None, "no_such_field"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_refusals_wear_the_envelope(
    ada: Tenant,
    call: dict[str, object],
    error: type[openai.APIStatusError],
    code: str | None,
    param: str,
    stream: bool,
) -> None:
    fields: dict[str, Any] = {"model": "smarter-mini", "messages": HELLO, **call}
    before = ada.balance_nano()
    with pytest.raises(error) as caught:
        ada.client().chat.completions.create(stream=stream, **fields)
    assert caught.value.param == param
    assert caught.value.request_id is not None
    if code:
        assert caught.value.code == code
    assert ada.balance_nano() == before


def test_stream_options_without_stream_are_refused(ada: Tenant) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ada.client().chat.completions.create(
            model="smarter-mini", messages=HELLO, stream_options={"include_usage": True}
        )
    assert caught.value.param == "stream_options"


def test_a_wrong_key_is_refused_and_never_echoed(ada: Tenant) -> None:
    wrong = "sk-" + "A" * 42
    with pytest.raises(openai.AuthenticationError) as caught:
        ada.client(api_key=wrong).chat.completions.create(model="smarter-mini", messages=HELLO)
    assert caught.value.code == "invalid_api_key"
    assert wrong not in str(caught.value.body)


def test_a_model_that_is_not_installed_answers_503(ada: Tenant) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        ada.client(max_retries=0).chat.completions.create(
            model="llama3:8b-instruct-q8_0", messages=HELLO
        )
    assert (caught.value.status_code, caught.value.code) == (503, "model_unavailable")
    assert "retry-after" in caught.value.response.headers
