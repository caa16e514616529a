"""What an owner is told to look at: sites that are refused, chatbots that may rest soon."""

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import ChatbotWindow
from chatbots import making, versions
from chatbots.author import Author
from chatbots.models import Chatbot, Seen
from tests.cast import Person
from tests.dashboard.conftest import signed_in


@pytest.fixture
def chatbot(ada: Person) -> Chatbot:
    author = Author(ada.user.id, None)
    made = making.create(
        ada.organisation.id, author, "desk", "Desk",
        {"allowed_origins": ["https://shop.example"], "budget": {"day_usd": "1.00"}},
    )  # fmt: skip
    versions.publish(made, author, "")
    return made


def matters(client: Client, person: Person) -> list[str]:
    page = client.get(f"/dashboard/{person.organisation.slug}/overview")
    return [matter.text for matter in page.context["attention"]]


def test_a_site_that_is_refused_is_told_until_it_is_on_the_list(
    as_ada: Client, ada: Person, chatbot: Chatbot
) -> None:
    for origin in ("https://blog.example", "https://shop.example"):
        Seen.objects.create(
            organisation=ada.organisation, chatbot=chatbot, origin=origin, refused=3
        )
    assert "3 loads refused from blog.example" in matters(as_ada, ada)
    assert not [text for text in matters(as_ada, ada) if "shop.example" in text]


def test_a_chatbot_near_its_budget_is_told(as_ada: Client, ada: Person, chatbot: Chatbot) -> None:
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    window = ChatbotWindow.objects.create(
        organisation=ada.organisation, chatbot_id=chatbot.id, period="day", starts_at=today,
        spent=790_000_000,
    )  # fmt: skip
    assert "Desk at" not in " ".join(matters(as_ada, ada))
    ChatbotWindow.objects.filter(pk=window.pk).update(spent=870_000_000)
    assert "Desk at 87 % of its day" in matters(as_ada, ada)


def test_a_refused_site_is_allowed_with_one_press_by_who_may_write(
    as_ada: Client, as_ben: Client, ada: Person, mallory: Person, chatbot: Chatbot
) -> None:
    origin = "https://blog.example"
    Seen.objects.create(organisation=ada.organisation, chatbot=chatbot, origin=origin, refused=3)
    team = f"/dashboard/{ada.organisation.slug}"
    road = f"{team}/chatbots/desk/embed/sites"
    pages = (f"{team}/overview", f"{team}/chatbots/desk/embed")
    for page in pages:
        assert road in as_ada.get(page).text
        assert road not in as_ben.get(page).text
    assert as_ben.post(road, {"origin": origin}).status_code == 403
    assert signed_in(mallory).post(road, {"origin": origin}).status_code == 404
    assert as_ada.post(road, {"origin": "https://never.example"}).status_code == 404
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(ada.user)
    assert careful.post(road, {"origin": origin}).status_code == 403
    chatbot.refresh_from_db()
    assert chatbot.draft["allowed_origins"] == ["https://shop.example"]
    as_ada.post(road, {"origin": origin})
    chatbot.refresh_from_db()
    assert chatbot.draft["allowed_origins"] == ["https://shop.example", origin]
    for page in pages:
        assert road not in as_ada.get(page).text
        assert "In the draft, not published" in as_ada.get(page).text
    as_ada.post(f"{team}/chatbots/desk/publish")
    assert not [text for text in matters(as_ada, ada) if "blog.example" in text]
