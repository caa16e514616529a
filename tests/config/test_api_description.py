"""The API's description is complete and valid, and making it raises no warning."""

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call] # untyped there
    return schema


def test_it_is_valid_and_made_without_a_warning(described: dict[str, Any]) -> None:
    validate_schema(described)  # type: ignore[no-untyped-call] # untyped there
    assert not GENERATOR_STATS


def test_every_operation_names_its_key_its_answer_and_the_error(described: dict[str, Any]) -> None:
    operations = [one for path in described["paths"].values() for one in path.values()]
    assert len(operations) >= 20
    for operation in operations:
        of_probes = operation["tags"] == ["service"]
        assert operation["security"] == ([] if of_probes else [{"APIKey": []}])
        assert operation["summary"]
        answers = operation["responses"]
        assert "204" not in answers  # nothing here answers without a body
        error = answers.pop("default")["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/Error"}
        for one in answers.values():
            content = one["content"]
            if "application/octet-stream" not in content:  # a file's own bytes
                assert "$ref" in content["application/json"]["schema"]


def test_lists_say_how_to_page(described: dict[str, Any]) -> None:
    listing = described["paths"]["/v1/api_keys"]["get"]
    assert [one["name"] for one in listing["parameters"]] == ["after", "before", "limit", "order"]
    reference = listing["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    page = described["components"]["schemas"][reference.rsplit("/", 1)[1]]
    assert set(page["required"]) == {"object", "data", "has_more", "first_id", "last_id"}


def test_limits_of_lists_and_tables_are_told(described: dict[str, Any]) -> None:
    for path, most in {"files": 10_000, "ledger": 100, "chat/completions": 100}.items():
        listing = described["paths"][f"/v1/{path}"]["get"]
        limit = next(one for one in listing["parameters"] if one["name"] == "limit")["schema"]
        assert (limit["minimum"], limit["maximum"]) == (1, most)
    for path in ("usage", "ledger"):
        answer = described["paths"][f"/v1/{path}"]["get"]["responses"]["200"]
        assert "text/csv" in answer["content"]


def test_the_key_is_in_no_answer_but_that_of_its_making(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    told = {name for name, one in schemas.items() if "key" in one.get("properties", {})}
    named = {"UsageLine"}  # by their ids
    of_attributes = {"Comparison", "Membership"}  # filters of vector stores
    assert told == {"IssuedAPIKey"} | named | of_attributes


def test_the_probes_stand_in_it(described: dict[str, Any]) -> None:
    assert {"/health/live", "/health/ready"} <= set(described["paths"])
