"""The page at /c/<slug>: for whom it opens, what it may do, what it never tells."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.test import AsyncClient
from django.utils import timezone

from accounts import keys
from accounts.models import Organisation
from api import rate_limits
from chatbots import finding, naming
from chatbots.author import SYSTEM
from chatbots.configuration import Configuration
from chatbots.models import Chatbot, Version

TITLE = "Fernhill <support>"


@pytest.fixture(autouse=True)
async def forgotten(async_db: None) -> AsyncIterator[None]:
    finding.forget_all()
    rate_limits.forget_all()
    yield
    rate_limits.forget_all()


async def publish(**configuration: Any) -> Chatbot:
    """A chatbot as it is once its maker has published it."""
    organisation = await Organisation.objects.acreate(name="Fernhill", slug="fernhill")
    key, plaintext = await _key(organisation.id)
    settings = Configuration(**configuration).stored()
    chatbot = Chatbot(
        organisation=organisation, name="support", title=TITLE, slug="fernhill-support",
        draft=settings, publishable_key=key, publishable_text=plaintext,
    )  # fmt: skip
    chatbot.secret = "correct horse"
    await chatbot.asave()
    chatbot.live = await Version.objects.acreate(
        organisation=organisation, chatbot=chatbot, number=1, configuration=settings, author="ada"
    )
    await chatbot.asave()
    return chatbot


async def _key(organisation_id: str) -> Any:
    return await sync_to_async(keys.issue)(organisation_id, name="support", kind="publishable")


async def look(slug: str = "fernhill-support", **headers: str) -> HttpResponse:
    finding.forget_all()
    answer = await AsyncClient().get(f"/c/{slug}", headers=headers)
    assert isinstance(answer, HttpResponse)
    return answer


def policy(answer: HttpResponse) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";")]
    return {name: value for name, _, value in parts}


async def test_it_holds_the_widget_and_names_its_chatbot_safely() -> None:
    chatbot = await publish(theme={"scheme": "dark"})
    answer = await look()
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<title>Fernhill &lt;support&gt;</title>" in text
    assert f'key="{chatbot.publishable_text}"' in text
    assert 'theme="dark"' in text
    assert "horse" not in text
    assert not answer.cookies


async def test_its_policy_allows_its_own_files_and_socket_and_no_markup_from_text() -> None:
    await publish()
    said = policy(await look())
    assert said["default-src"] == "'none'"
    assert said["script-src"] == "'self'"
    assert said["connect-src"] == "'self' ws://testserver"
    assert said["require-trusted-types-for"] == "'script'"
    assert said["trusted-types"] == "'none'"
    assert said["frame-ancestors"] == "'self'"
    assert "unsafe" not in str(said)


async def test_only_sites_that_may_hold_the_widget_may_frame_it() -> None:
    await publish(allowed_origins=["https://shop.example", "https://*.example.com:8443"])
    assert policy(await look())["frame-ancestors"] == (
        "'self' https://shop.example:443 https://*.example.com:8443"
    )


async def test_unknown_paused_private_and_unpublished_look_the_same() -> None:
    chatbot = await publish()
    unknown = await look("no-such-page")
    chatbot.paused_at = timezone.now()
    await chatbot.asave()
    paused = await look()
    chatbot.paused_at, chatbot.live = None, None
    await chatbot.asave()
    unpublished = await look()
    private = Configuration(access="private").stored()
    chatbot.live = await Version.objects.acreate(
        organisation_id=chatbot.organisation_id, chatbot=chatbot, number=2,
        configuration=private, author="ada",
    )  # fmt: skip
    await chatbot.asave()
    answers = [unknown, paused, unpublished, await look()]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert b"Fernhill" not in paused.content
    assert b"chat-widget" not in paused.content
    assert policy(paused)["frame-ancestors"] == "'none'"


async def test_a_chatbot_for_signed_in_people_has_words_for_those_who_are_not() -> None:
    await publish(access="signed")
    text = (await look()).content.decode()
    assert 'bot="support"' in text
    assert "This chat is for people who are signed in" in text
    assert "<main hidden>" in text


async def test_a_public_one_has_no_such_words() -> None:
    await publish()
    assert b"<main" not in (await look()).content


async def test_it_speaks_the_visitors_language_where_the_chatbot_does() -> None:
    await publish(languages=["en", "de", "ar"])
    german = await look(**{"Accept-Language": "fr;q=0.9, de-AT, en"})
    arabic = await look(**{"Accept-Language": "ar"})
    other = await look(**{"Accept-Language": "ja"})
    assert b'<html lang="de" dir="ltr">' in german.content
    assert b'<html lang="ar" dir="rtl">' in arabic.content
    assert b'<html lang="en" dir="ltr">' in other.content


async def test_whoever_guesses_slugs_does_not_get_far() -> None:
    for number in range(120):
        assert (await look(f"guess-{number}")).status_code == 404
    answer = await look("guess-121")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1


async def test_an_old_link_leads_to_the_page_of_today_but_not_to_a_private_one() -> None:
    chatbot = await publish(access="public")
    await sync_to_async(naming.rename)(chatbot, SYSTEM, "help-desk")
    answer = await look()
    assert (answer.status_code, answer["Location"]) == (302, "/c/help-desk")
    assert (await look("help-desk")).status_code == 200
    await Chatbot.objects.filter(pk=chatbot.pk).aupdate(paused_at=timezone.now())
    assert (await look()).status_code == 404
