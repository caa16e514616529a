"""Text leaves whole: no half characters, nothing of a stop string, log-probabilities to match."""

import random

import pytest

from inference.engines.base import TokenLogprob
from inference.engines.local import vocabulary
from inference.engines.local.sequences import TokenLogprobs
from inference.engines.local.text import ChoiceText
from inference.engines.local.vocabulary import Vocabulary
from tests.engines.small_models import make_tokenizer

BYTES = Vocabulary([bytes([byte]) for byte in range(256)], strips_first_space=False)
TEXT = "Grüße, 你好, مرحبا, 👩‍👩‍👧 and naïve café — done. STOP not this"
KNOWN = TokenLogprobs(-0.5, [(65, -0.5), (66, -1.5)])


def fed(choice: ChoiceText, tokens: list[int], *, logprobs: bool = False) -> list[str]:
    """Every piece of text given, the last one flushed; feeding ends at a stop string."""
    pieces = []
    for token in tokens:
        pieces.append(choice.feed(token, KNOWN if logprobs else None))
        if choice.stopped:
            return pieces
    return [*pieces, choice.flush()]


def test_characters_are_never_split() -> None:
    pieces = fed(ChoiceText(BYTES, ()), list(TEXT.encode()))
    assert "".join(pieces) == TEXT
    assert "\ufffd" not in "".join(pieces)
    assert pieces[2] == ""  # the first byte of ü


def test_a_character_cut_off_by_the_end_is_dropped() -> None:
    assert "".join(fed(ChoiceText(BYTES, ()), list("fin 👋".encode())[:-1])) == "fin "


def test_bytes_that_are_no_text_at_all_become_replacement_characters() -> None:
    assert "".join(fed(ChoiceText(BYTES, ()), [65, 0xFF, 66])) == "A\ufffdB"


def reference_cut(text: str, stop: tuple[str, ...]) -> str:
    ends = [at for each in stop if (at := text.find(each)) >= 0]
    return text[: min(ends)] if ends else text


@pytest.mark.parametrize("seed", range(30))
def test_stop_strings_across_token_borders(seed: int) -> None:
    """Any tokenisation of any text over a small alphabet, against plain searching."""
    chance = random.Random(seed)
    words = [chance.choices("abä", k=chance.randint(1, 4)) for _ in range(60)]
    pieces = ["".join(word).encode() for word in words]
    known = Vocabulary(pieces, strips_first_space=False)
    stop = tuple("".join(chance.choices("abä", k=chance.randint(2, 7))) for _ in range(3))
    given = ""
    choice = ChoiceText(known, stop)
    text = b"".join(pieces).decode()
    for piece in fed(choice, list(range(60))):
        given += piece
        assert reference_cut(text, stop).startswith(given)
    assert given == reference_cut(text, stop)
    assert choice.stopped == (given != text)


def test_what_may_begin_a_stop_is_held_back_and_given_when_it_does_not() -> None:
    choice = ChoiceText(BYTES, ("###",))
    assert [choice.feed(ord(letter)) for letter in "a##b"] == ["a", "", "", "##b"]
    assert [choice.feed(ord(letter)) for letter in "##"] == ["", ""]
    assert choice.flush() == "##"


def test_tokens_after_a_stop_are_not_counted() -> None:
    choice = ChoiceText(BYTES, ("STOP",))
    assert "".join(fed(choice, list(TEXT.encode()))) == TEXT[: TEXT.index("STOP")]
    assert choice.tokens == len(TEXT[: TEXT.index("STOP") + 4].encode())


def joined(reported: list[TokenLogprob]) -> str:
    return b"".join(each.raw for each in reported).decode()


@pytest.mark.parametrize("stop", [(), ("STOP",), ("你好", "xyz"), ("nothing like it",)])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_the_bytes_of_the_logprobs_are_the_content(stop: tuple[str, ...], size: int) -> None:
    pieces = [TEXT.encode()[at : at + size] for at in range(0, len(TEXT.encode()), size)]
    choice = ChoiceText(Vocabulary(pieces, strips_first_space=False), stop)
    content = ""
    reported: list[TokenLogprob] = []
    for token in range(len(pieces)):
        content += choice.feed(token, TokenLogprobs(-0.5, []))
        reported += choice.take_logprobs()
        assert len(b"".join(each.raw for each in reported)) <= len(content.encode()) + size
        if choice.stopped:
            break
    else:
        content += choice.flush()
        reported += choice.take_logprobs()
    assert joined(reported) == content == reference_cut(TEXT, stop)


def test_bytes_of_a_character_cut_off_by_the_end_are_not_reported_either() -> None:
    choice, content = ChoiceText(BYTES, ()), ""
    reported: list[TokenLogprob] = []
    for token in "fin 👋".encode()[:-1]:
        content += choice.feed(token, KNOWN)
        reported += choice.take_logprobs()
    content += choice.flush()
    assert joined([*reported, *choice.take_logprobs()]) == content == "fin "


def test_logprobs_name_their_tokens_and_alternatives() -> None:
    choice = ChoiceText(BYTES, ())
    choice.feed(65, KNOWN)
    (reported,) = choice.take_logprobs()
    tops = (TokenLogprob("A", -0.5, b"A"), TokenLogprob("B", -1.5, b"B"))
    assert reported == TokenLogprob("A", -0.5, b"A", tops)
    assert choice.take_logprobs() == ()


def test_the_vocabulary_spells_what_the_tokenizer_decodes() -> None:
    tokenizer = make_tokenizer()
    known = vocabulary.read(tokenizer, len(tokenizer) + 5)
    ids = tokenizer.encode(TEXT)
    assert b"".join(known.pieces[token] for token in ids).decode() == TEXT
    assert known.pieces[tokenizer.eos_token_id] == b""
    assert known.pieces[len(tokenizer) :] == [b""] * 5
    assert known.longest >= 3


def test_a_vocabulary_of_sentencepiece_strips_its_first_space() -> None:
    decoder = (
        '{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"},'
        ' "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip",'
        ' "content": " ", "start": 1, "stop": 0}]}'
    )
    known = vocabulary.read(_Fake(decoder, {"\u2581hello": 0, "<0xC3>": 1, "<0xBC>": 2}), 3)  # type: ignore[arg-type]  # only what is read
    assert known.pieces == [b" hello", b"\xc3", b"\xbc"]
    assert "".join(fed(ChoiceText(known, ()), [0, 1, 2, 0])) == "helloü hello"


def test_a_tokenizer_that_decodes_otherwise_is_refused() -> None:
    with pytest.raises(vocabulary.UnsupportedTokenizer, match="WordPiece"):
        vocabulary.read(_Fake('{"type": "WordPiece", "prefix": "##"}', {}), 1)  # type: ignore[arg-type]  # only what is read


class _Fake:
    """As much of a tokenizer as its reader looks at."""

    added_tokens_decoder: dict[int, object] = {}

    def __init__(self, decoder: str, tokens: dict[str, int]) -> None:
        state = type("Decoder", (), {"__getstate__": lambda _: decoder})()
        self.backend_tokenizer = type("Backend", (), {"decoder": state})()
        self._tokens = tokens

    def get_vocab(self) -> dict[str, int]:
        return self._tokens
