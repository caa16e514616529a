"""Invitations: a link that works once, for one address, within a week, and can be taken back."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import invitations, leaving
from accounts.models import AuditEntry, Invitation, Membership, User
from api.errors import Forbidden, InvalidRequest, NotFound
from tests.accounts.conftest import ClientOf
from tests.cast import Person


@pytest.fixture
def carl(db: None) -> User:
    return User.objects.create_user("carl@example.com", "correct horse")


def test_who_is_invited_becomes_a_member_in_that_role(ada: Person, carl: User) -> None:
    _invitation, token = invitations.invite(
        ada.organisation, " Carl@Example.com", "developer", ada.user
    )
    member = invitations.accept(token, carl)
    assert (member.organisation_id, member.role) == (ada.organisation.id, "developer")


def test_a_link_works_once(ada: Person, carl: User) -> None:
    _invitation, token = invitations.invite(ada.organisation, carl.email, "analyst", ada.user)
    invitations.accept(token, carl)
    Membership.objects.filter(user=carl).delete()
    with pytest.raises(NotFound):
        invitations.accept(token, carl)


def test_a_link_is_of_no_use_to_somebody_else(ada: Person, mallory: Person, carl: User) -> None:
    _invitation, token = invitations.invite(ada.organisation, carl.email, "owner", ada.user)
    with pytest.raises(Forbidden, match="for carl@"):
        invitations.accept(token, mallory.user)
    assert invitations.accept(token, carl).role == "owner"


def test_a_revoked_or_old_link_opens_nothing(ada: Person, carl: User) -> None:
    revoked, first = invitations.invite(ada.organisation, carl.email, "analyst", ada.user)
    invitations.revoke(ada.organisation.id, revoked.id, ada.user)
    _old, second = invitations.invite(ada.organisation, carl.email, "analyst", ada.user)
    Invitation.objects.filter(revoked_at=None).update(expires_at=timezone.now() - timedelta(1))
    for token in (first, second, "", "nonsense"):
        with pytest.raises(NotFound):
            invitations.accept(token, carl)


def test_a_link_lasts_no_longer_than_the_right_to_send_it(
    ada: Person, ben: Person, carl: User
) -> None:
    his = Membership.objects.filter(organisation=ada.organisation, user=ben.user)
    his.update(role="admin")
    _invitation, token = invitations.invite(ada.organisation, carl.email, "developer", ben.user)
    his.update(role="analyst")
    with pytest.raises(NotFound):
        invitations.accept(token, carl)
    his.update(role="admin")
    assert invitations.accept(token, carl).role == "developer"


def test_a_link_ends_with_the_account_that_sent_it(ada: Person, ben: Person, carl: User) -> None:
    Membership.objects.filter(organisation=ada.organisation, user=ben.user).update(role="admin")
    sent, token = invitations.invite(ada.organisation, carl.email, "developer", ben.user)
    leaving.delete_account(ben.user)
    with pytest.raises(NotFound):
        invitations.accept(token, carl)
    sent.refresh_from_db()
    assert (sent.invited_by, sent.revoked_at is not None) == (None, True)
    Invitation.objects.update(revoked_at=None)  # an account that went by another road
    with pytest.raises(NotFound):
        invitations.accept(token, carl)


def test_a_second_invitation_takes_the_place_of_the_first(ada: Person, carl: User) -> None:
    _invitation, first = invitations.invite(ada.organisation, carl.email, "owner", ada.user)
    _invitation, second = invitations.invite(ada.organisation, carl.email, "analyst", ada.user)
    with pytest.raises(NotFound):
        invitations.accept(first, carl)
    assert invitations.accept(second, carl).role == "analyst"


def test_nobody_hands_on_more_than_they_have(ada: Person, carl: User) -> None:
    Membership.objects.create(organisation=ada.organisation, user=carl, role="admin")
    with pytest.raises(Forbidden):
        invitations.invite(ada.organisation, "dora@example.com", "owner", carl)
    assert invitations.invite(ada.organisation, "dora@example.com", "developer", carl)


def test_a_member_is_not_invited_again(ada: Person, ben: Person) -> None:
    with pytest.raises(InvalidRequest, match="member already"):
        invitations.invite(ada.organisation, ben.user.email, "owner", ada.user)


def test_another_organisations_invitation_is_not_found(ada: Person, mallory: Person) -> None:
    invitation, _token = invitations.invite(ada.organisation, "x@example.com", "analyst", ada.user)
    with pytest.raises(NotFound):
        invitations.revoke(mallory.organisation.id, invitation.id, mallory.user)


def test_the_token_is_stored_nowhere_and_the_audit_tells_who(ada: Person, carl: User) -> None:
    invitation, token = invitations.invite(ada.organisation, carl.email, "analyst", ada.user)
    invitations.accept(token, carl)
    assert token not in str(Invitation.objects.filter(pk=invitation.pk).values())
    told = AuditEntry.objects.filter(target=invitation.id).order_by("created_at")
    assert [(entry.action, entry.actor) for entry in told] == [
        ("invitation.created", ada.user.id),
        ("invitation.accepted", carl.id),
    ]


def test_the_api_invites_lists_and_revokes(ada: Person, client_of: ClientOf) -> None:
    http = client_of(ada.key)
    asked = {"email": "dora@example.com", "role": "developer"}
    made = http.post("/v1/invitations", asked, format="json")
    assert made.status_code == 201
    assert "/invite/" in made.json()["link"]
    listed = http.get("/v1/invitations").json()["data"]
    assert [one["email"] for one in listed] == ["dora@example.com"]
    assert "link" not in listed[0]
    revoked = http.delete(f"/v1/invitations/{made.json()['id']}")
    assert revoked.json()["revoked_at"]


def test_an_analysts_key_neither_invites_nor_reads_invitations(
    ben: Person, client_of: ClientOf
) -> None:
    http = client_of(ben.key)
    asked = {"email": "dora@example.com", "role": "owner"}
    assert http.post("/v1/invitations", asked, format="json").status_code == 403
    assert http.get("/v1/invitations").status_code == 403


def test_the_page_joins_who_is_signed_in_with_that_address(ada: Person, carl: User) -> None:
    _invitation, token = invitations.invite(ada.organisation, carl.email, "analyst", ada.user)
    http = Client()
    assert b"Log in to join" in http.get(f"/invite/{token}").content
    assert not Membership.objects.filter(user=carl).exists()
    http.force_login(carl)
    answer = http.post(f"/invite/{token}")
    assert answer["Location"] == f"/dashboard/{ada.organisation.slug}/"
    assert Membership.objects.get(user=carl).role == "analyst"


def test_an_ended_invitation_is_a_page_that_says_so(db: None) -> None:
    answer = Client().get("/invite/nonsense")
    assert answer.status_code == 404
    assert b"opens nothing" in answer.content


def test_who_tries_many_links_is_slowed_down_by_a_page(db: None) -> None:
    statuses = [Client().get("/invite/nonsense").status_code for _ in range(61)]
    assert set(statuses[:60]) == {404}
    answer = Client().get("/invite/nonsense")
    assert answer.status_code == 429
    assert b"Too many at once" in answer.content
    assert int(answer["Retry-After"]) > 0
