"""What gateway and engine tell each other survives the wire, however the bytes arrive."""

import pytest

from inference.engines.base import (
    ContextTooLong,
    Delta,
    EngineError,
    EngineOverloaded,
    EngineUnavailable,
    GenerationFailed,
    GenerationRequest,
    InvalidGeneration,
    Message,
    SamplingParams,
    TokenLogprob,
    joined,
)
from inference.engines.local import frames

REQUESTS = [
    GenerationRequest("a", "m", SamplingParams(), messages=(Message("user", "hi", "ada"),)),
    GenerationRequest("b", "m", SamplingParams(stop=("x", "y"), seed=-1), prompt="text"),
    GenerationRequest(
        "c",
        "m",
        SamplingParams(logit_bias={5: 1.5}, n=3, logprobs=True),
        prompt=(1, 2),
        tenant="org_1",
        deadline=2.5,
        priority=3,
    ),
]
LOGPROBS = (TokenLogprob("é", -0.25, "é".encode(), (TokenLogprob("\ufffd", -1.0, b"\xc3"),)),)
DELTAS = [
    Delta(0, "text", 5),
    Delta(2, "", 7, "stop", LOGPROBS, cached_tokens=4),
]
ERRORS: list[EngineError] = [
    InvalidGeneration("no", "top_p"),
    ContextTooLong("long", "messages"),
    EngineOverloaded("busy", 4.5),
    EngineUnavailable("gone"),
    GenerationFailed("broken"),
]


def through(*contents: object, step: int = 1 << 20) -> list[list[object]]:
    reader = frames.FrameReader()
    data = b"".join(map(frames.pack, contents))
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    return [frame for piece in pieces for frame in reader.feed(piece)]


@pytest.mark.parametrize("step", [1, 3, 7, 1 << 20])
def test_frames_are_found_in_any_pieces(step: int) -> None:
    contents = [[1, "ä" * 300], [2], [3, b"\x00" * 70_000]]
    assert through(*contents, step=step if step > 1 else 997) == contents
    assert through([5, "x"], [6], step=step) == [[5, "x"], [6]]


@pytest.mark.parametrize("request_", REQUESTS)
def test_requests(request_: GenerationRequest) -> None:
    ((_, content),) = through([0, frames.from_request(request_)])
    assert frames.to_request(content) == request_  # type: ignore[arg-type]  # a list


@pytest.mark.parametrize("delta", DELTAS)
def test_deltas(delta: Delta) -> None:
    ((stream, *content),) = through(list(frames.from_delta(9, delta)))
    assert stream == 9
    assert frames.to_delta([stream, *content]) == delta


@pytest.mark.parametrize("error", ERRORS)
def test_errors_keep_their_kind(error: EngineError) -> None:
    ((_, *content),) = through([0, *frames.from_error(error)])
    arrived = frames.to_error(*content)  # type: ignore[arg-type]  # four fields
    assert type(arrived) is type(error)
    assert vars(arrived) == vars(error)
    assert str(arrived) == str(error)


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x01\x05", b"GET / HTTP"]
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(frames.BrokenFrame):
        list(frames.FrameReader().feed(data))


def test_merged_deltas_say_what_both_said() -> None:
    merged = joined(Delta(1, "ab", 2, None, LOGPROBS), Delta(1, "c", 3, "length", LOGPROBS))
    assert merged == Delta(1, "abc", 3, "length", LOGPROBS * 2)
