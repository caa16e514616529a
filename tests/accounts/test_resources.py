"""/v1/me, /v1/organisation, /v1/members: what a key may see and change of its organisation."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import APIKey, AuditEntry, Membership, User
from inference.models import ServedModel
from tests.accounts.conftest import ClientOf
from tests.cast import Person


def test_me_names_the_organisation_the_person_and_the_key(ben: Person, client_of: ClientOf) -> None:
    me = client_of(ben.key).get("/v1/me").json()
    assert me["object"] == "me"
    assert me["organisation"]["id"] == ben.organisation.id
    assert me["user"]["email"] == "ben@example.com"
    assert me["role"] == "analyst"
    assert me["api_key"]["scopes"] == ["chatbots:read", "models:read", "usage:read"]
    assert ben.key not in str(me)


def test_me_of_a_key_without_a_person_has_no_user(ada: Person, client_of: ClientOf) -> None:
    APIKey.objects.update(created_by=None)
    me = client_of(ada.key).get("/v1/me").json()
    assert (me["user"], me["role"]) == (None, None)


def test_resources_answer_without_the_prefix_too(ada: Person, client_of: ClientOf) -> None:
    assert client_of(ada.key).get("/me").json() == client_of(ada.key).get("/v1/me").json()


def test_an_owner_changes_name_and_default_model(ada: Person, client_of: ClientOf) -> None:
    http = client_of(ada.key)
    ServedModel.objects.create(id="own", engine="scripted:", context_window=8192)
    changes = {"name": "Ada & co", "default_model": "own"}
    assert http.patch("/v1/organisation", changes, format="json").status_code == 200
    assert http.get("/v1/organisation").json().items() >= changes.items()
    entry = AuditEntry.objects.get(action="organisation.changed")
    assert (entry.before, entry.after) == (
        {"name": "Ada's bakery", "default_model": None}, changes,
    )  # fmt: skip
    http.patch("/v1/organisation", {"default_model": None}, format="json")
    assert http.get("/v1/organisation").json()["default_model"] is None


@pytest.mark.parametrize(
    "body", [{"slug": "x"}, {"name": ""}, {"default_model": ["a"]}, {"default_model": "nope"}, []]
)
def test_nothing_else_of_an_organisation_can_be_changed(
    ada: Person, client_of: ClientOf, body: Any
) -> None:
    assert client_of(ada.key).patch("/v1/organisation", body, format="json").status_code == 400


def test_an_analyst_sees_the_organisation_but_neither_changes_it_nor_sees_members(
    ben: Person, client_of: ClientOf
) -> None:
    http = client_of(ben.key)
    assert http.get("/v1/organisation").status_code == 200
    assert http.patch("/v1/organisation", {"name": "x"}, format="json").status_code == 403
    assert http.get("/v1/members").status_code == 403


def test_members_are_listed(ada: Person, ben: Person, mallory: Person, client_of: ClientOf) -> None:
    listed = client_of(ada.key).get("/v1/members?order=asc").json()
    assert listed["object"] == "list"
    assert [(one["user"]["email"], one["role"]) for one in listed["data"]] == [
        ("ada@example.com", "owner"), ("ben@example.com", "analyst"),
    ]  # fmt: skip


class TestPages:
    @pytest.fixture
    def http(self, ada: Person, client_of: ClientOf) -> APIClient:
        for number in range(6):
            user = User.objects.create(email=f"m{number}@example.com")
            Membership.objects.create(organisation=ada.organisation, user=user)
        # Ties in time are cut by id.
        Membership.objects.update(created_at=Membership.objects.earliest("created_at").created_at)
        return client_of(ada.key)

    def ids(self, http: APIClient, query: str) -> tuple[list[str], bool]:
        page = http.get(f"/v1/members?{query}").json()
        ids = [one["id"] for one in page["data"]]
        assert page["first_id"] == (ids[0] if ids else None)
        assert page["last_id"] == (ids[-1] if ids else None)
        return ids, page["has_more"]

    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_after_walks_through_all_and_ends(self, http: APIClient, order: str) -> None:
        everything, _ = self.ids(http, f"order={order}&limit=100")
        assert len(everything) == 7
        walked: list[str] = []
        more, query = True, f"order={order}&limit=3"
        while more:
            ids, more = self.ids(http, f"{query}&after={walked[-1]}" if walked else query)
            walked += ids
        assert walked == everything

    @pytest.mark.parametrize("order", ["asc", "desc"])
    def test_before_walks_back(self, http: APIClient, order: str) -> None:
        everything, _ = self.ids(http, f"order={order}&limit=100")
        assert self.ids(http, f"order={order}&limit=2&before={everything[5]}") == (
            everything[3:5], True,
        )  # fmt: skip
        assert self.ids(http, f"order={order}&limit=5&before={everything[2]}") == (
            everything[:2], False,
        )  # fmt: skip

    def test_after_and_before_cut_out_what_is_between(self, http: APIClient) -> None:
        everything, _ = self.ids(http, "limit=100")
        query = f"after={everything[1]}&before={everything[5]}"
        assert self.ids(http, query) == (everything[2:5], False)

    @pytest.mark.parametrize(
        ("query", "param"),
        [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=ten", "limit"),
            ("limit=%C2%B2", "limit"),
            ("order=up", "order"),
            ("after=mem_unknown", "after"),
            ("before=%00", "before"),
            ("after=", "after"),
        ],
    )
    def test_a_bad_query_is_refused_by_name(self, http: APIClient, query: str, param: str) -> None:
        answer = http.get(f"/v1/members?{query}")
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param

    def test_a_strangers_cursor_is_unknown(self, http: APIClient, mallory: Person) -> None:
        hers = Membership.objects.get(organisation=mallory.organisation).id
        assert http.get(f"/v1/members?after={hers}").status_code == 400
