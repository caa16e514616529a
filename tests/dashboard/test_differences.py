"""What changed between two versions: line by line, and within a line the words that did."""

from dashboard import differences
from dashboard.differences import Line

BEFORE = "Use only the pages.\nPrices include VAT. Be very friendly in each answer.\nBye."
AFTER = "Use only the pages.\nPrices include VAT. Be brief in each answer.\nBye.\nThanks."


def test_of_a_line_that_resembles_another_only_its_own_words_have_changed() -> None:
    same, gone, come, bye, thanks = differences.lines(BEFORE, AFTER)
    assert same == Line("", 1, 1, [("Use only the pages.", False)])
    assert (gone.kind, gone.before, gone.after) == ("gone", 2, None)
    assert "".join(text for text, _ in gone.pieces) == BEFORE.splitlines()[1]
    assert [text for text, changed in gone.pieces if changed] == ["very friendly"]
    assert [text for text, changed in come.pieces if changed] == ["brief"]
    assert (bye.kind, bye.before, bye.after) == ("", 3, 3)
    assert thanks == Line("come", None, 4, [("Thanks.", True)])


def test_a_value_is_replaced_as_a_whole_and_nothing_has_no_line() -> None:
    assert differences.lines(0.7, 0.3) == [
        Line("gone", 1, None, [("0.7", True)]),
        Line("come", None, 1, [("0.3", True)]),
    ]
    assert differences.lines(None, "a") == [Line("come", None, 1, [("a", True)])]
    assert differences.lines(None, None) == []
