"""Inviting from the team's page: the link is shown once, and whoever has it may join."""

import re

from django.test import Client
from django.utils.html import escape
from pytest_django.asserts import assertContains

from accounts.models import Invitation
from tests.cast import Person


def test_the_link_of_an_invitation_leads_to_the_page_that_joins(
    as_ada: Client, ada: Person
) -> None:
    team = f"/dashboard/{ada.organisation.slug}/team"
    answer = as_ada.post(team, {"email": "eve@example.com", "role": "analyst"})
    assert answer.status_code == 200
    assert Invitation.objects.get().email == "eve@example.com"
    (path,) = set(re.findall(r"http://testserver(/invite/[\w-]+)", answer.content.decode()))
    page = Client().get(path)
    assertContains(page, escape(ada.organisation.name))
    assert path not in as_ada.get(team).content.decode(), "it is shown once"


def test_nobody_is_invited_to_more_than_who_invites_may(as_ada: Client, ada: Person) -> None:
    ada.user.memberships.update(role="admin")
    team = f"/dashboard/{ada.organisation.slug}/team"
    answer = as_ada.post(team, {"email": "eve@example.com", "role": "owner"})
    assert answer.status_code == 422
    assert not Invitation.objects.exists()
