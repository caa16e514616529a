"""What a key looks like, and which texts can be none."""

import re

import pytest

from accounts import key_material


def test_a_key_has_its_prefix_and_42_characters() -> None:
    assert re.fullmatch(r"sk-[0-9A-Za-z]{42}", key_material.generate().plaintext)
    publishable = key_material.generate(key_material.PUBLISHABLE)
    assert re.fullmatch(r"pk-[0-9A-Za-z]{42}", publishable.plaintext)


def test_no_two_keys_are_alike() -> None:
    assert len({key_material.generate().plaintext for _ in range(200)}) == 200


def test_every_new_key_is_well_formed() -> None:
    assert all(key_material.is_well_formed(key_material.generate().plaintext) for _ in range(200))


def test_one_changed_character_breaks_the_checksum() -> None:
    key = key_material.generate().plaintext
    for place in range(len(key)):
        wrong = key[:place] + ("A" if key[place] != "A" else "B") + key[place + 1 :]
        assert not key_material.is_well_formed(wrong)


@pytest.mark.parametrize("text", ["", "sk-", "sk-" + "é" * 42, "x" * 10_000, "sk-" + "A" * 42])
def test_other_texts_are_no_keys(text: str) -> None:
    assert not key_material.is_well_formed(text)


def test_key_material_never_prints_the_key() -> None:
    material = key_material.generate()
    shown = f"{material!r} {material}"
    assert material.plaintext not in shown
    assert material.prefix in shown
    assert material.last4 in shown
