"""A view of usage gets a name, is one click away from then on, and belongs to one member."""

from django.test import Client

from accounts.models import Membership
from tests.cast import Person

QUERY = "metric=cost&by=key&days=90"


def at(person: Person, path: str = "") -> str:
    return f"/dashboard/{person.organisation.slug}/usage{path}"


def test_a_view_is_kept_under_its_name_and_forgotten(as_ada: Client, ada: Person) -> None:
    begun = f"csrf=1&days=90&by=key&metric=cost&next=//elsewhere.example&page={'x' * 20}"
    kept = as_ada.post(at(ada, "/views"), {"name": "Keys, quarter", "query": begun})
    assert kept.headers["Location"] == at(ada, f"?{QUERY}")
    shown = as_ada.get(at(ada, f"?{QUERY}"))
    assert shown.context["is_saved"] == "Keys, quarter"
    assert shown.context["views"] == {"Keys, quarter": QUERY}
    assert "Forget this view" in shown.content.decode()
    as_ada.post(at(ada, "/views/forget"), {"name": "Keys, quarter"})
    assert as_ada.get(at(ada)).context["views"] == {}


def test_views_are_few_and_named(as_ada: Client, ada: Person) -> None:
    for number in range(12):
        as_ada.post(at(ada, "/views"), {"name": f"View {number}", "query": QUERY})
    assert as_ada.post(at(ada, "/views"), {"name": "One more", "query": ""}).status_code == 400
    assert as_ada.post(at(ada, "/views"), {"name": "View 3", "query": ""}).status_code == 302
    assert as_ada.post(at(ada, "/views"), {"name": " ", "query": QUERY}).status_code == 400


def test_another_member_does_not_see_them(
    as_ada: Client, ada: Person, as_ben: Client, ben: Person
) -> None:
    as_ada.post(at(ada, "/views"), {"name": "Mine", "query": QUERY})
    assert "Mine" not in as_ben.get(at(ben)).content.decode()
    assert Membership.objects.get(user=ben.user).usage_views == {}
