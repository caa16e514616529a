"""Tells a prompt before its answer: its text exactly, and how likely each of its tokens was."""

import codecs

from inference.engines.base import Delta, FinishReason, TokenLogprob
from inference.engines.local.sequences import PromptEvent, Submission, TokenLogprobs
from inference.engines.local.streams import Stream
from inference.engines.local.text import ChoiceText
from inference.engines.local.vocabulary import Vocabulary

# A character has four bytes at most, so what is unfinished lies in the last tokens.
TAIL = 4


def give(stream: Stream, event: PromptEvent, vocabulary: Vocabulary) -> None:
    """One delta a choice, before its first token."""
    echo = event.submission.echo
    assert echo is not None  # noqa: S101 - none is told otherwise
    pieces = _pieces(event.submission, vocabulary, spelled=echo.text is None)
    text = echo.text
    if text is None:
        text = codecs.getincrementaldecoder("utf-8")("replace").decode(b"".join(pieces))
    tokens = zip(pieces, event.logprobs, strict=True) if event.logprobs else ()
    logprobs = tuple(_logprob(piece, known, vocabulary) for piece, known in tokens)
    reason: FinishReason | None = "length" if event.ended else None
    for index, choice in list(stream.choices.items()):
        if event.ended:
            del stream.choices[index]
        else:
            _go_on(choice.text, event.submission)
        stream.reader.add(stream, Delta(index, text, 0, reason, logprobs))


def _pieces(submission: Submission, vocabulary: Vocabulary, *, spelled: bool) -> list[bytes]:
    """The bytes of every token. Special ones are text only where their ids were given."""
    specials = vocabulary.specials if spelled else {}
    pieces = [vocabulary.pieces[token] or specials.get(token, b"") for token in submission.prompt]
    if vocabulary.strips_first_space:
        first = next((place for place, piece in enumerate(pieces) if piece), 0)
        pieces[first] = pieces[first].removeprefix(b" ")
    return pieces


def _logprob(piece: bytes, known: TokenLogprobs, vocabulary: Vocabulary) -> TokenLogprob:
    top = tuple(
        _logprob(
            vocabulary.pieces[token] or vocabulary.specials.get(token, b""),
            TokenLogprobs(value, []),
            vocabulary,
        )
        for token, value in known.top
    )
    return TokenLogprob(piece.decode(errors="replace"), known.chosen, piece, top)


def _go_on(text: ChoiceText, submission: Submission) -> None:
    """The answer continues the prompt's text: a character may be half, no first space is cut."""
    text.unstoppable = True
    for token in submission.prompt[-TAIL:]:
        text.feed(token)
    text.unstoppable = False
    text.tokens = 0
