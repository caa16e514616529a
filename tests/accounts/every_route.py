"""Every route that answers programs, and how to make one of Ada's for each id in a path."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import invitations, keys
from accounts.models import APIKey, Invitation, Membership, WebhookEndpoint
from accounts.webhooks import endpoints
from api import rate_limits
from chatbots import making, versions
from chatbots.author import SYSTEM
from chatbots.models import Chatbot, Message, Visitor
from chatbots.models import Conversation as Chat
from files import receiving, uploading
from files.models import StoredFile, Upload
from files.receiving import Incoming
from files.uploading import Announced
from inference.batches.models import Batch
from inference.conversations import keeping, new_item_id
from inference.fine_tuning.models import FineTuningJob
from inference.models import StoredCompletion
from knowledge import adding, stores
from knowledge.models import FileBatch
from knowledge.schemas import FileAdd, StoreCreate
from tests.cast import Person

PAGES = ("admin/", "accounts/", "account", "dashboard/", "invite/", "payments/", "widget/", "c/")
"""Signed in by session, or for everybody; walked by tests of their own."""


def kept_file(ada: Person) -> StoredFile:
    incoming = Incoming(BytesIO(b"hello"), "hello.txt", 5, "user_data")
    return receiving.receive(ada.organisation.id, incoming)


def begun_upload(ada: Person) -> Upload:
    return uploading.begin(
        ada.organisation.id, Announced("hello.txt", "user_data", 5, "text/plain")
    )


def begun_batch(ada: Person) -> Batch:
    key = APIKey.objects.filter(organisation=ada.organisation)[0]
    batch: Batch = Batch.objects.create(
        organisation=ada.organisation, key=key, endpoint="/v1/completions", input_file_id="file-1"
    )
    return batch


def file_batch(ada: Person) -> FileBatch:
    store = stores.create(ada.organisation.id, StoreCreate())
    return adding.add_batch(store, [FileAdd(file_id=kept_file(ada).id)], param="file_ids")


def stored_completion(ada: Person) -> StoredCompletion:
    completion: StoredCompletion = StoredCompletion.objects.create(
        id=f"chatcmpl-{secrets.token_hex(16)}",
        organisation=ada.organisation,
        model="smarter-mini",
        messages=[{"role": "user", "content": ada.user.email}],
        answer={"id": "chatcmpl-1", "choices": []},
    )
    return completion


def invited(ada: Person) -> Invitation:
    return invitations.invite(ada.organisation, "new@example.com", "analyst", ada.user)[0]


def webhook(ada: Person) -> WebhookEndpoint:
    wanted = {"url": "https://example.com/hook", "events": ["balance.low"]}
    return endpoints.create(ada.organisation.id, wanted, ada.user.id)[0]


def chatbot(ada: Person) -> Chatbot:
    """One and the same, since the paths of what belongs to it name it, too."""
    mine: Chatbot | None = Chatbot.objects.filter(organisation=ada.organisation).first()
    if mine is None:
        mine = making.create(ada.organisation.id, SYSTEM, f"bot-of-{secrets.token_hex(8)}")
        versions.publish(mine, SYSTEM)
    return mine


def visitor(ada: Person) -> Visitor:
    known: Visitor = Visitor.objects.create(organisation=ada.organisation, chatbot=chatbot(ada))
    return known


def chat(ada: Person) -> Chat:
    known: Chat | None = Chat.objects.filter(organisation=ada.organisation).first()
    return known or Chat.objects.create(
        organisation=ada.organisation, chatbot=chatbot(ada), visitor=visitor(ada)
    )


def message(ada: Person) -> Message:
    known: Message = Message.objects.create(
        organisation=ada.organisation, conversation=chat(ada), place=1, role="assistant",
        text=ada.user.email,
    )  # fmt: skip
    return known


def fine_tuning(ada: Person) -> FineTuningJob:
    made: FineTuningJob = FineTuningJob.objects.create(
        organisation=ada.organisation, key=APIKey.objects.filter(organisation=ada.organisation)[0],
        model="smarter-mini", seed=1, hyperparameters={}, training_file_id="file-1",
    )  # fmt: skip
    return made


OBJECTS: dict[str, Callable[[Person], str]] = {
    "key_id": lambda ada: keys.issue(ada.organisation.id, name="Another")[0].id,
    "seen_id": lambda ada: "gen_" + ada.organisation.id.removeprefix("org_"),
    "model_id": lambda _: "no-model",
    "conversation_id": lambda ada: keeping.create(ada.organisation.id, {}, []).id,
    "completion_id": lambda ada: stored_completion(ada).id,
    "response_id": lambda _: "resp_of_nobody",
    "file_id": lambda ada: kept_file(ada).id,
    "upload_id": lambda ada: begun_upload(ada).id,
    "item_id": lambda _: new_item_id("message"),
    "batch_id": lambda ada: begun_batch(ada).id,
    "store_id": lambda ada: stores.create(ada.organisation.id, StoreCreate()).id,
    "member_id": lambda ada: Membership.objects.get(user=ada.user).id,
    "invitation_id": lambda ada: invited(ada).id,
    "webhook_id": lambda ada: webhook(ada).id,
    "file_batch_id": lambda ada: file_batch(ada).id,
    "chatbot": lambda ada: chatbot(ada).name,
    "number": lambda _: "1",
    "chat_id": lambda ada: chat(ada).id,
    "message_id": lambda ada: message(ada).id,
    "visitor_id": lambda ada: visitor(ada).id,
    "job_id": lambda ada: fine_tuning(ada).id,
    "kind": lambda _: "APIKey",
    "name": lambda ada: keys.issue(ada.organisation.id, name="As a manifest")[0].name,
}


@dataclass(frozen=True)
class Route:
    pattern: str

    def path(self, ada: Person) -> str:
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: OBJECTS[found[1]](ada), self.pattern)


def routes() -> list[Route]:
    return [Route(pattern) for pattern in _walk(get_resolver().url_patterns, "")]


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if route.startswith(PAGES):
            continue
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield route


def ask(method: str, path: str, key: str | None = None) -> tuple[int, str]:
    rate_limits.forget_all()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    answer: Any = Client(raise_request_exception=False).generic(
        method, path, "{}", "application/json", headers=headers
    )
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, body.decode()
