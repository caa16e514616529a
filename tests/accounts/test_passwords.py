"""Whoever sets a password reads the same labels and the same rule on each page."""

from django.test import Client

from tests.cast import Person


def test_changing_a_password_names_its_rule_as_signing_up_does(ada: Person) -> None:
    client = Client()
    client.force_login(ada.user)
    changing = client.get("/accounts/password/change/").text
    rule = "At least 8 characters, and no common word."
    for words in ("Password until now", "New password", "New password again", rule):
        assert words in changing
    assert "entirely numeric" not in changing
    assert rule in Client().get("/accounts/signup/").text
    german = client.get("/accounts/password/change/", headers={"accept-language": "de"}).text
    assert "Mindestens 8 Zeichen" in german
