"""Lists in memory are cut into the same pages as tables."""

import pytest

from api.errors import InvalidRequest
from api.pagination import cut

ROWS = [{"id": name} for name in "abcde"]


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ({}, "edcba", False),
        ({"order": "asc"}, "abcde", False),
        ({"limit": "2"}, "ed", True),
        ({"limit": "2", "after": "d"}, "cb", True),
        ({"limit": "2", "after": "b"}, "a", False),
        ({"after": "a"}, "", False),
        ({"order": "asc", "limit": "2", "after": "c"}, "de", False),
        ({"order": "asc", "limit": "2", "before": "d"}, "bc", True),
        ({"limit": "3", "before": "b"}, "edc", False),
        ({"after": "e", "before": "a"}, "dcb", False),
    ],
)
def test_a_page_of_a_list(query: dict[str, str], names: str, more: bool) -> None:
    found, has_more = cut(ROWS, query)
    assert ("".join(row["id"] for row in found), has_more) == (names, more)


@pytest.mark.parametrize("name", ["after", "before", "limit", "order"])
def test_a_wrong_page_names_its_parameter(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        cut(ROWS, {name: "nobody"})
    assert refused.value.param == name
