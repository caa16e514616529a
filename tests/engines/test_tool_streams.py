"""From a choice's tokens to what is said and called: marks, log-probabilities, how it finished."""

from typing import cast

import pytest

from inference.engines.base import Delta, FinishReason, SamplingParams, TokenLogprob, joined
from inference.engines.local import vocabulary
from inference.engines.local.sampler_rows import SamplerRow
from inference.engines.local.sequences import Sequence, Submission, TokenEvent, TokenLogprobs
from inference.engines.local.streams import Stream
from tests.engines.tool_models import FAMILIES, asking, known, tokenizer, written

OSLO = '{"city": "Oslo"}'


class Reader:
    def __init__(self) -> None:
        self.deltas: list[Delta] = []

    def add(self, stream: Stream, delta: Delta) -> None:
        self.deltas.append(delta)


def answered(
    family: str, text: str, finish: FinishReason = "stop", stop: tuple[str, ...] = ()
) -> Delta:
    """What a reader gets when the model writes this text and then its end token, or is cut."""
    made, reader = tokenizer(family), Reader()
    submission = Submission([1], SamplingParams(stop=stop), 500)
    words = vocabulary.read(made, len(made))
    stream = Stream.open(1, reader, submission, words, asking(), known(family))
    sequence = Sequence(submission, 0, cast("SamplerRow", None))
    tokens = made.encode(text, add_special_tokens=False)
    if finish == "stop":
        tokens.append(cast("int", made.eos_token_id))
    for place, token in enumerate(tokens, 1):
        reason = finish if place == len(tokens) else None
        ended = stream.give(TokenEvent(sequence, token, reason, TokenLogprobs(-0.5, [])))
        if ended:
            break
    assert stream.finished
    whole = reader.deltas[0]
    for each in reader.deltas[1:]:
        whole = joined(whole, each)
    return whole


def spelled(reported: tuple[TokenLogprob, ...]) -> str:
    return b"".join(each.raw for each in reported).decode()


@pytest.mark.parametrize("family", FAMILIES)
def test_marks_that_are_special_tokens_are_seen(family: str) -> None:
    form = known(family)
    call = written(form, ("get_weather", OSLO))
    tagged = form.trigger + call.removeprefix(form.trigger)
    for text, said in [(call, ""), (tagged, ""), (f"Höre:\n{tagged}", "Höre:")]:
        answer = answered(family, text)
        assert (answer.text, answer.finish_reason) == (said, "tool_calls")
        assert answer.tool_calls[0].name == "get_weather"
        assert "".join(piece.arguments for piece in answer.tool_calls) == OSLO
        assert spelled(answer.logprobs) == said


@pytest.mark.parametrize("family", FAMILIES)
def test_other_special_tokens_stay_unseen(family: str) -> None:
    mark = (
        next(each for each in FAMILIES[family][1] if each not in known(family).tokens)
        if (family != "mistral_arguments")
        else "</s>"
    )
    answer = answered(family, f"Hello{mark}you")
    assert (answer.text, answer.finish_reason) == ("Helloyou", "stop")
    assert spelled(answer.logprobs) == answer.text


def test_log_probabilities_fit_the_content_around_calls() -> None:
    """Also of tokens that are content only in part."""
    call = written(known("qwen"), ("ping", "{}"))
    answer = answered("qwen", f"Grüße 👋 <tool\n\n{call}\n\nand <b>\n")
    assert answer.text == "Grüße 👋 <tooland <b>\n"
    assert spelled(answer.logprobs) == answer.text
    malformed = answered("qwen", "So: <tool_call>\n{5}</tool_call>")
    assert malformed.text == "So: <tool_call>\n{5}</tool_call>"
    assert spelled(malformed.logprobs) == malformed.text
    assert malformed.finish_reason == "stop"


def test_what_is_cut_by_length_finished_by_length() -> None:
    call = written(known("qwen"), ("get_weather", OSLO))
    cut = answered("qwen", call[: call.index("Oslo")], "length")
    assert cut.finish_reason == "length"
    assert "".join(piece.arguments for piece in cut.tool_calls) == '{"city": "'


def test_a_stop_string_ends_text_before_a_call_but_no_call() -> None:
    call = written(known("qwen"), ("get_weather", OSLO))
    stopped = answered("qwen", f"One. Two. {call}", stop=("Two",))
    assert (stopped.text, stopped.finish_reason, stopped.tool_calls) == ("One. ", "stop", ())
    called = answered("qwen", f"One. {call}", stop=("Two", "Oslo", '": '))
    assert (called.text, called.finish_reason) == ("One. ", "tool_calls")
    assert "".join(piece.arguments for piece in called.tool_calls) == OSLO
