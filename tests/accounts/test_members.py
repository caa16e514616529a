"""Roles change and end, and an organisation always has an owner."""

import pytest

from accounts import members
from accounts.models import Membership
from api.errors import Forbidden, InvalidRequest, NotFound
from tests.accounts.conftest import ClientOf
from tests.cast import Person


def membership(person: Person) -> Membership:
    return Membership.objects.get(organisation=person.organisation, user=person.user)


def test_an_owner_changes_a_role(ada: Person, ben: Person) -> None:
    members.change_role(ada.organisation.id, membership(ben).id, "developer", ada.user)
    assert membership(ben).role == "developer"


def test_the_last_owner_can_neither_step_down_nor_leave(ada: Person, ben: Person) -> None:
    with pytest.raises(InvalidRequest, match="only owner"):
        members.change_role(ada.organisation.id, membership(ada).id, "analyst", ada.user)
    with pytest.raises(InvalidRequest, match="only owner"):
        members.remove(ada.organisation.id, membership(ada).id, ada.user)
    members.change_role(ada.organisation.id, membership(ben).id, "owner", ada.user)
    members.remove(ada.organisation.id, membership(ada).id, ada.user)
    assert not Membership.objects.filter(user=ada.user).exists()


def test_an_analyst_changes_nobody(ada: Person, ben: Person) -> None:
    with pytest.raises(Forbidden):
        members.change_role(ada.organisation.id, membership(ben).id, "owner", ben.user)
    with pytest.raises(Forbidden):
        members.remove(ada.organisation.id, membership(ada).id, ben.user)


def test_who_leaves_needs_no_permission(ada: Person, ben: Person) -> None:
    members.remove(ada.organisation.id, membership(ben).id, ben.user)
    assert not Membership.objects.filter(user=ben.user).exists()


def test_a_strangers_member_is_not_found(ada: Person, mallory: Person) -> None:
    with pytest.raises(NotFound):
        members.remove(mallory.organisation.id, membership(ada).id, mallory.user)


def test_who_was_removed_is_refused_with_their_key(
    ada: Person, ben: Person, client_of: ClientOf
) -> None:
    assert client_of(ben.key).get("/v1/me").status_code == 200
    answer = client_of(ada.key).delete(f"/v1/members/{membership(ben).id}")
    assert answer.json() == {
        "id": answer.json()["id"], "object": "member.deleted", "deleted": True,
    }  # fmt: skip
    assert client_of(ben.key).get("/v1/me").status_code == 401


def test_the_api_changes_a_role(ada: Person, ben: Person, client_of: ClientOf) -> None:
    path = f"/v1/members/{membership(ben).id}"
    assert client_of(ada.key).patch(path, {"role": "admin"}, format="json").status_code == 200
    assert membership(ben).role == "admin"
    assert client_of(ada.key).patch(path, {"role": "king"}, format="json").status_code == 400
