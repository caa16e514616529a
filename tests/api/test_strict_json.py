"""JSON from strangers is read strictly, and a hostile body costs no more than an honest one."""

import json
import time

import pytest

from api import strict_json
from api.errors import BodyTooLarge, InvalidRequest


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [{"role": "user", "content": 'braces {[ and a quote "'}], "n": 1, "x": None},
        [1.5e300, -(2**63), 2**63 - 1, True, "😀", "\\u0000 as six characters"],
        "plain",
        [[[[]]] * 100],
    ],
)
def test_honest_json_arrives_as_it_was_sent(value: object) -> None:
    assert strict_json.loads(json.dumps(value).encode()) == value
    assert strict_json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"NaN", "NaN is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not"),
        (b"1e309", "floating point"),
        (b"[" + b"9" * 400 + b".5]", "floating point"),
        (b"9223372036854775808", "64 bits"),
        (b"-9223372036854775809", "64 bits"),
        (b"1" * 100_000, "64 bits"),
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b'["\\u0000"]', "NUL"),
        (b'["x\\\\\\u0000"]', "NUL"),
        (b'["\\ud800"]', "surrogate"),
        (b'["\\ud83d x"]', "surrogate"),
        (b'["\\ude00\\ud83d"]', "surrogate"),
        (b'"\x00"', "not valid JSON"),
        (b"\xff", "not valid UTF-8 at byte 0"),
        (b"\xed\xa0\x80", "not valid UTF-8"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"a"', "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64"),
        (b'[{"a":' * 33 + b"1" + b"}]" * 33, "nested deeper than 64"),
        (b"[" * 1_000_000, "arrays and objects"),
    ],
)
def test_doubtful_json_is_refused_in_a_clear_sentence(raw: bytes, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        strict_json.loads(raw)


def test_64_levels_are_allowed() -> None:
    assert strict_json.loads(b"[" * 64 + b"]" * 64)
    assert strict_json.loads(b'{"a":[' * 32 + b"1" + b"]}" * 32)


def test_brackets_in_text_do_not_count_as_depth() -> None:
    text = '{"[' * 5_000 + '\\"'
    assert strict_json.loads(json.dumps({"content": text}).encode()) == {"content": text}


def test_a_body_over_four_megabytes_is_refused() -> None:
    with pytest.raises(BodyTooLarge):
        strict_json.loads(b'"' + b"a" * strict_json.MAX_BYTES + b'"')


_FULL = strict_json.MAX_BYTES - 1_000


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * _FULL,
        b"[" + b"[]," * (_FULL // 3) + b"[]]",
        b"[" + (b"[" * 63 + b"]" * 63 + b",") * (_FULL // 127) + b"1]",
        b"[" * 70 + b'"' + b'\\"' * (_FULL // 2),
        b"[" * 70 + b'"",' * (_FULL // 3),
        b'["' + b"\\u0041" * (_FULL // 6) + b'\\u0000"]',
        b"1" * _FULL,
        b"{" + b",".join(b'"%d":0' % name for name in range(30_000)) + b',"29999":0}',
    ],
    ids=["open", "pairs", "towers", "escaped quotes", "strings", "escapes", "digits", "names"],
)
def test_hostile_megabytes_are_refused_within_a_second(raw: bytes) -> None:
    began = time.thread_time()
    with pytest.raises(InvalidRequest):
        strict_json.loads(raw)
    assert time.thread_time() - began < 1
