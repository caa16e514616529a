"""Mail is in its reader's language, pages in their visitor's, and the API in English."""

from collections.abc import Iterator

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import Membership, User
from billing import mails
from billing.models import AutoTopUp, TopUp
from chatbots.models import Chatbot
from tests.cast import Person

GERMAN = {"accept-language": "de-AT,de;q=0.9"}
FACTS = {"balance": "0.40", "line": "0.50"}


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    """No limit is counted from another test."""
    cache.clear()
    yield
    cache.clear()


def a_member(ada: Person, email: str, **fields: str) -> User:
    user = User.objects.create_user(email, "a long walk home", **fields)
    Membership.objects.create(organisation=ada.organisation, user=user, role="billing")
    return user


def signed_in(person: Person, **headers: str) -> Client:
    http = Client(headers={"accept-language": "de", **headers})
    http.force_login(person.user)
    return http


def subjects() -> dict[str, str]:
    return {letter.to[0]: str(letter.subject) for letter in mail.outbox}


def test_mail_of_a_worker_is_in_the_language_of_each_reader(ada: Person) -> None:
    a_member(ada, "berta@example.com", language="de")
    a_member(ada, "clara@example.com", browser_language="de")
    a_member(ada, "dan@example.com", browser_language="de", language="en")
    mails.send(ada.organisation, "low_balance", FACTS)
    english, german = "Ada's bakery has $0.40 left", "Ada's bakery hat noch $0.40"
    assert subjects() == {
        "ada@example.com": english,
        "berta@example.com": german,
        "clara@example.com": german,
        "dan@example.com": english,
    }


def test_the_language_of_the_browser_is_kept_at_sign_up_and_at_each_login(db: None) -> None:
    form = {"email": "dora@example.com", "password1": "a long walk home", "organisation": "Diner"}
    http = Client()
    http.post("/accounts/signup/", form, headers=GERMAN)
    assert User.objects.get(email="dora@example.com").reads == "de"
    assert subjects() == {"dora@example.com": "Bestätigen Sie Ihre Adresse"}
    http.post("/accounts/logout/")
    login = {"login": "dora@example.com", "password": "a long walk home"}
    http.post("/accounts/login/", login, headers={"accept-language": "en"})
    assert User.objects.get(email="dora@example.com").reads == "en"


def test_mail_that_a_stranger_causes_is_in_the_readers_language(ada: Person) -> None:
    User.objects.filter(pk=ada.user.pk).update(language="de")
    english = {"accept-language": "en"}
    Client().post("/accounts/password/reset/", {"email": "ada@example.com"}, headers=english)
    assert subjects() == {"ada@example.com": "Neues Passwort setzen"}


def test_choosing_the_browsers_language_takes_the_chosen_one_back(ada: Person) -> None:
    http = signed_in(ada)
    http.post("/account", {"name": "Ada", "theme": "system", "language": "en"})
    assert http.cookies["django_language"].value == "en"
    http.post("/account", {"name": "Ada", "theme": "system", "language": ""})
    assert "Sprache" in http.get("/account").text


def test_the_api_speaks_english_whatever_its_client_asks_for(ada: Person) -> None:
    http = Client(headers={**GERMAN, "authorization": f"Bearer {ada.key}"})

    def refusal(path: str, body: object) -> str:
        answer = http.post(path, body, content_type="application/json")
        message: str = answer.json()["error"]["message"]
        return message

    assert refusal("/v1/api_keys", {}) == "name: This field is required."
    member = {"email": "ada@example.com", "role": "admin"}
    assert refusal("/v1/invitations", member) == "This address belongs to a member already."
    assert refusal("/v1/chatbots", {"name": "No!"}).startswith("A chatbot's name has 1 to 64 of")


def test_pages_show_refusals_in_their_visitors_language(ada: Person) -> None:
    http, home = signed_in(ada), f"/dashboard/{ada.organisation.slug}"
    invited = http.post(f"{home}/team", {"email": "ada@example.com", "role": "admin"})
    assert "Diese Adresse gehört schon einem Mitglied." in invited.text
    key = {
        "name": "K", "kind": "secret", "requests_per_minute": 1, "tokens_per_minute": 1,
        "budget": "ten",
    }  # fmt: skip
    assert "Geben Sie US-Dollar als Dezimalzahl an" in http.post(f"{home}/api-keys", key).text
    gone = http.get("/invite/nothing")
    assert "Diese Einladung ist abgelaufen" in gone.text


def test_a_chatbot_begins_in_the_language_of_its_maker(ada: Person) -> None:
    new = {"title": "Hilfe", "template": "support"}
    signed_in(ada).post(f"/dashboard/{ada.organisation.slug}/chatbots/new", new)
    draft = Chatbot.objects.get(name="hilfe").draft
    assert draft["welcome"].startswith("Guten Tag!")
    assert draft["suggested_prompts"][0] == "Was können Sie?"
    assert draft["languages"] == ["de"]


def test_what_was_written_down_in_english_is_shown_in_german(ada: Person) -> None:
    AutoTopUp.objects.create(
        organisation=ada.organisation, provider=TopUp.Provider.FAKE, method="m",
        problem="The card was declined.",
    )  # fmt: skip
    page = signed_in(ada).get(f"/dashboard/{ada.organisation.slug}/billing").text
    assert "Die Karte wurde abgelehnt." in page
