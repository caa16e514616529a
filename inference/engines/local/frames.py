"""The wire between gateway and engine: length-prefixed msgpack frames, and what they say.

    gateway: [PREPARE, id, request, wish] [GENERATE, id, max_tokens] [CANCEL, id] [HEALTH, id]
             [INFO, id] [TOKENISE, id, texts] [READ, id, texts, tenant]
    engine:  [PREPARED, id, prompt_tokens, max_output] [DELTAS, [delta, ...]] [ERROR, id, ...]
             [ANSWER, id, fields]

The wish is what `grammar_wishes` makes of the answer's form, and the engine reads none of it.
Token ids of texts that are only read, and the numbers made of them, travel as bytes: arrays of
32-bit integers and floats, in this machine's order.

One DELTAS frame carries what one step gave all streams of a connection. On connecting the engine
says [HELLO, nonce] and the gateway answers [HELLO, proof]: an HMAC of the nonce by the secret that
both know.
"""

import hmac
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import msgpack

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
    ResponseFormat,
    SamplingParams,
    Text,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
)

HELLO, PREPARE, PREPARED, GENERATE, DELTAS, CANCEL, ERROR, HEALTH, INFO, ANSWER = range(10)
TOKENISE, READ = 10, 11

MAX_FRAME = 64 << 20
_LENGTH = struct.Struct(">I")
_ERRORS: dict[str, type[EngineError]] = {
    kind.__name__: kind
    for kind in (
        ContextTooLong,
        EngineOverloaded,
        EngineUnavailable,
        GenerationFailed,
        InvalidGeneration,
    )
}
_SAMPLING = [field.name for field in fields(SamplingParams)]
_REQUEST = [field.name for field in fields(GenerationRequest)]


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """`status` is "ok", or "stuck" when one step has been running for a minute.

    Since the start: `steps`, the seconds in them, the prompts' tokens computed (those found in the
    prefix cache are not), the tokens generated. `kept_tokens` have their keys and values in the
    cache now, which has room for `room`.
    """

    status: str
    step_seconds: float
    running: int
    slots: int
    waiting_tokens: int
    steps: int
    waiting: int = 0
    worked_seconds: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    kept_tokens: int = 0
    room: int = 0


class BrokenFrame(Exception):
    """The other side does not speak this protocol."""


def pack(content: object) -> bytes:
    body: bytes = msgpack.packb(content)  # type: ignore[no-untyped-call]  # msgpack has no types
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Collects bytes and gives whole frames. Raises BrokenFrame for what cannot be one."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.limit = MAX_FRAME

    def feed(self, data: bytes) -> Iterator[list[Any]]:
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self.limit:
                raise BrokenFrame("A frame is too long.")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield _unpack(body)


def _unpack(body: bytes) -> list[Any]:
    try:
        frame = msgpack.unpackb(body, strict_map_key=False)  # type: ignore[attr-defined,no-untyped-call]  # as above
    except ValueError as error:  # all of msgpack's own errors are ValueErrors
        raise BrokenFrame("A frame is not msgpack.") from error
    if not isinstance(frame, list) or not frame:
        raise BrokenFrame("A frame is not a list.")
    return frame


def proof(secret: str, nonce: bytes) -> bytes:
    return hmac.digest(secret.encode(), nonce, "sha256")


def from_request(request: GenerationRequest) -> list[Any]:
    values = {name: getattr(request, name) for name in _REQUEST}
    values["sampling"] = [getattr(request.sampling, name) for name in _SAMPLING]
    values["messages"] = [asdict(each) for each in request.messages]
    values["tools"] = [_shallow(each) for each in request.tools]
    values["tool_choice"] = asdict(request.tool_choice)
    form = request.response_format
    values["response_format"] = form and _shallow(form)
    return [values[name] for name in _REQUEST]


def _shallow(of: Tool | ResponseFormat) -> dict[str, Any]:
    """Not `asdict`: its copy of a large schema keeps a gateway's other streams for five
    milliseconds."""
    return {field.name: getattr(of, field.name) for field in fields(of)}


def to_request(content: list[Any]) -> GenerationRequest:
    values = dict(zip(_REQUEST, content, strict=True))
    sampling = dict(zip(_SAMPLING, values["sampling"], strict=True))
    sampling["stop"] = tuple(sampling["stop"])
    values["sampling"] = SamplingParams(**sampling)
    values["messages"] = tuple(_message(**each) for each in values["messages"])
    values["tools"] = tuple(Tool(**each) for each in values["tools"])
    values["tool_choice"] = _tool_choice(**values["tool_choice"])
    if values["response_format"] is not None:
        values["response_format"] = ResponseFormat(**values["response_format"])
    if isinstance(values["prompt"], list):
        values["prompt"] = tuple(values["prompt"])
    return GenerationRequest(**values)


def _message(tool_calls: list[dict[str, str]], **rest: Any) -> Message:
    return Message(**rest, tool_calls=tuple(ToolCall(**call) for call in tool_calls))


def _tool_choice(mode: Any, names: list[str] | None) -> ToolChoice:
    return ToolChoice(mode, None if names is None else tuple(names))


def from_delta(stream: int, delta: Delta) -> tuple[Any, ...]:
    reported = [
        (each.logprob, each.raw, [(top.logprob, top.raw) for top in each.top])
        for each in delta.logprobs
    ]
    return (
        stream,
        delta.index,
        delta.text,
        delta.completion_tokens,
        delta.finish_reason,
        reported,
        delta.cached_tokens,
        [(piece.index, piece.arguments, piece.id, piece.name) for piece in delta.tool_calls],
    )


def to_delta(content: list[Any]) -> Delta:
    """The delta of `[stream, ...]`."""
    _, index, text, tokens, reason, reported, cached, calls = content
    logprobs = tuple(_logprob(*each) for each in reported) if reported else ()
    pieces = tuple(ToolCallDelta(*each) for each in calls) if calls else ()
    return Delta(index, text, tokens, reason, logprobs, cached, pieces)


def _logprob(value: float | None, raw: bytes, top: list[tuple[float, bytes]]) -> TokenLogprob:
    alternatives = tuple(_logprob(*each, []) for each in top)
    return TokenLogprob(raw.decode(errors="replace"), value, raw, alternatives)


def from_texts(texts: Sequence[Text]) -> list[str | bytes]:
    return [text if isinstance(text, str) else array("i", text).tobytes() for text in texts]


def to_texts(content: Iterable[str | bytes]) -> "list[str | array[int]]":
    return [each if isinstance(each, str) else array("i", each) for each in content]


def to_vectors(content: bytes, width: int) -> "list[array[float]]":
    numbers = array("f", content)
    return [numbers[start : start + width] for start in range(0, len(numbers), width)]


def from_error(error: EngineError) -> list[Any]:
    return [
        type(error).__name__,
        str(error),
        getattr(error, "param", None),
        getattr(error, "retry_after", None),
    ]


def to_error(kind: str, message: str, param: str | None, retry_after: float | None) -> EngineError:
    if retry_after is not None:
        return EngineOverloaded(message, retry_after)
    error = _ERRORS.get(kind, GenerationFailed)
    return error(message, param) if issubclass(error, InvalidGeneration) else error(message)
