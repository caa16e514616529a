"""YAML from strangers: plain data with lines, and nothing that only YAML can say."""

import time

import pytest

from api import strict_yaml
from api.strict_yaml import NotPlainYaml

TEXT = """\
name: shop
scopes:
- inference
- [files, {a: 1}]
on: 2030-01-02
size: 3
share: 0.5
open: true
none:
"""


def read(text: str) -> strict_yaml.Document:
    (document,) = strict_yaml.documents(text, 10_000)
    return document


def test_plain_data_comes_as_json_would_say_it() -> None:
    assert read(TEXT).value == {
        "name": "shop", "scopes": ["inference", ["files", {"a": 1}]], "on": "2030-01-02",
        "size": 3, "share": 0.5, "open": True, "none": None,
    }  # fmt: skip


def test_each_value_knows_its_line_and_what_is_missing_the_nearest() -> None:
    document = read(TEXT)
    assert document.line(("scopes",)) == 2
    assert document.line(("scopes", 1, 1, "a")) == 4
    assert document.line(("scopes", 1, 7)) == 4
    assert document.line(("none",)) == 9
    assert document.line(("nowhere", "at", "all")) == 1


def test_documents_keep_the_lines_of_their_file() -> None:
    first, second = strict_yaml.documents("a: 1\n---\nb: 2\n", 100)
    assert (first.line(("a",)), second.line(("b",))) == (1, 3)
    assert strict_yaml.documents("# nothing\n", 100) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: [1", "line 2: No YAML: did not find expected"),
        ("a: 1\n\tb: 2", "line 2: No YAML: found"),
        ("a: \x07", "line 1: No YAML: unacceptable character"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "line 4: b.c: This field is written twice."),
        ("a: 1\n? [1]\n: 2\n", "line 2: A field's name is a text."),
        ("a: &x 1\nb: 2\n", "line 1: Anchors and aliases are refused."),
        ("a: !!python/object:os.system 1\n", "line 1: a: The tag"),
        ("a: 1\nb: !secret {c: 1}\n", "line 2: b: The tag !secret"),
        ("a: 1\nb: !!set {c}\n", "line 2: b: The tag"),
        ('a: "x\\0y"', "line 1: a: This value cannot be read"),
        ("a: .nan", "line 1: a: This value cannot be read"),
        ("a: .inf", "line 1: a: This value cannot be read"),
        ("a: !!int x", "line 1: a: This value cannot be read"),
        ("a: !!bool x", "line 1: a: This value cannot be read"),
        ("a: " + "9" * 5_000, "line 1: a: This value cannot be read"),
        ("a: " + "[" * 33 + "]" * 33, "line 1: Nested deeper than 32 levels."),
        ("x" * 10_001, "line 1: This has more than 10,000 characters."),
    ],
)
def test_what_is_not_plain_is_refused_at_its_line(text: str, told: str) -> None:
    with pytest.raises(NotPlainYaml) as raised:
        read(text)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize("text", ["[" * 4_000_000, "- a\n" * 1_000_000])
def test_a_bomb_costs_little(text: str) -> None:
    began = time.process_time()
    with pytest.raises(NotPlainYaml):
        strict_yaml.documents(text, 4 * 2**20)
    assert time.process_time() - began < 5
