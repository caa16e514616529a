"""What is wrong with a manifest is told with its file, line and field."""

import pytest

from api.errors import InvalidManifest
from manifests import reading

GOOD = """\
apiVersion: smarter.sh/v1
kind: APIKey
metadata:
  name: shop
spec:
  scopes:
  - inference
  budget: "5.00"
"""


def test_a_file_holds_several_manifests_with_the_lines_of_their_fields() -> None:
    first, second = reading.manifests("keys.yaml", GOOD + "---\n" + GOOD.replace("shop", "hall"))
    assert (first.kind, first.name, second.name) == ("APIKey", "shop", "hall")
    assert first.spec == {"scopes": ["inference"], "budget": "5.00"}
    assert str(first.wrong("No.", "scopes", 0)) == "keys.yaml:7: spec.scopes.0: No."
    assert str(second.wrong("No.", "budget")) == "keys.yaml:17: spec.budget: No."
    assert str(first.wrong("No.", "cidrs")) == "keys.yaml:5: spec.cidrs: No."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f:1: There is no manifest in it."),
        ("a: [1", "f:1: No YAML: did not find expected ',' or ']'."),
        ("- 1", "f:1: A manifest has apiVersion, kind, metadata and spec."),
        (GOOD + "specs: {}\n", "f:9: specs: Unknown field"),
        (GOOD.replace("v1", "v9"), "f:1: apiVersion: Write apiVersion: smarter.sh/v1."),
        (GOOD.replace("  name: shop", "  labels: {}"), "f:3: metadata.name: metadata holds a name"),
        (GOOD.replace("  name: shop", "  name: ''"), "f:4: metadata.name: metadata holds a name"),
        (GOOD.replace("kind: APIKey", "kind: 3"), "f:2: kind: Name a kind"),
        (GOOD + '  budget: "6.00"\n', "f:9: spec.budget: This field is written twice."),
        (GOOD + "  a: &x 1\n  b: *x\n", "f:9: Anchors and aliases are refused."),
        (GOOD + "  a: !secret x\n", "f:9: spec.a: The tag !secret is refused."),
        ("x" * (reading.MOST_CHARACTERS + 1), "f:1: This has more than 4,194,304 characters."),
    ],
)
def test_what_is_wrong_is_told_at_its_line(text: str, told: str) -> None:
    with pytest.raises(InvalidManifest) as raised:
        reading.manifests("f", text)
    assert told in str(raised.value)
