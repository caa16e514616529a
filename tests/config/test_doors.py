"""Which door a call takes: by path and method, in Azure's spelling too."""

import asyncio

import httpx
import pytest
from asgiref.sync import sync_to_async

from billing.models import Price
from config.asgi import application
from inference.models import ModelAlias, ServedModel
from tests.cast import Person

pytestmark = pytest.mark.django_db(transaction=True)
ENVELOPE = {"message", "type", "param", "code"}


@pytest.fixture
def client(async_db: None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.parametrize(
    "path", ["/v1/completions", "/completions", "/openai/deployments/smarter-mini/completions"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_a_path_that_only_generates_has_one_method(
    client: httpx.AsyncClient, path: str, method: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert set(answer.json()["error"]) == ENVELOPE


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/responses/resp_1", "DELETE, GET, HEAD, OPTIONS"),
        ("/v1/chat/completions", "GET, HEAD, OPTIONS, POST"),
    ],
)
@pytest.mark.parametrize("method", ["OPTIONS", "PUT"])
async def test_a_path_that_is_a_resource_too_names_the_methods_of_both(
    client: httpx.AsyncClient, ada: Person, path: str, methods: str, method: str
) -> None:
    headers = {"Authorization": f"Bearer {ada.key}"}
    answer = await client.request(method, path, headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize(
    "path",
    ["/openai", "/openai/", "/openai/v1", "/openai/v1/nothing", "/openai/admin/", "/openai/docs/"],
)
async def test_unknown_paths_of_azure_are_a_404_in_the_envelope(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.post(path, json={})
    assert (answer.status_code, set(answer.json()["error"])) == (404, ENVELOPE)


@pytest.mark.parametrize("header", ["api-key", "Authorization"])
@pytest.mark.parametrize("path", ["/openai/me", "/openai/v1/me"])
async def test_both_headers_open_azures_paths(
    client: httpx.AsyncClient, ada: Person, path: str, header: str
) -> None:
    key = ada.key if header == "api-key" else f"Bearer {ada.key}"
    answer = await client.get(path, headers={header: key}, params={"api-version": "2024-10-21"})
    assert answer.status_code == 200


@pytest.mark.parametrize(("bearer", "status"), [(True, 200), (False, 401)])
async def test_the_authorization_header_wins_over_the_other(
    client: httpx.AsyncClient, ada: Person, bearer: bool, status: int
) -> None:
    good, wrong = ada.key, "sk-wrong"
    headers = {
        "api-key": wrong if bearer else good,
        "authorization": f"Bearer {good if bearer else wrong}",
    }
    assert (await client.get("/openai/v1/me", headers=headers)).status_code == status


async def test_of_two_keys_none_is_meant(client: httpx.AsyncClient, ada: Person) -> None:
    headers = [("api-key", ada.key), ("api-key", ada.key)]
    assert (await client.get("/openai/v1/me", headers=headers)).status_code == 401


@pytest.mark.parametrize("name", ["scripted/model:7b", "models/chatty", "a b"])
@pytest.mark.parametrize("kind", ["chat/completions", "completions"])
async def test_a_deployments_name_may_hold_slashes_and_colons(
    client: httpx.AsyncClient, ada: Person, name: str, kind: str
) -> None:
    await sync_to_async(_scripted)(name)
    asked = {"prompt": "a b", "messages": [{"role": "user", "content": "a b"}]}
    del asked["messages" if kind == "completions" else "prompt"]
    answer = await client.post(
        f"/openai/deployments/{name}/{kind}", json=asked, headers={"api-key": ada.key}
    )
    assert (answer.status_code, answer.json().get("model")) == (200, name)


@pytest.mark.parametrize("name", ["", "%00", "%ff", "a" * 3000, "x/chat"])
async def test_a_deployment_without_a_model_is_refused_in_the_envelope(
    client: httpx.AsyncClient, ada: Person, name: str
) -> None:
    answer = await client.post(
        f"/openai/deployments/{name}/chat/completions",
        json={"messages": [{"role": "user", "content": "a"}]},
        headers={"api-key": ada.key},
    )
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["param"] == "model"


async def test_an_idempotency_key_belongs_to_one_deployment(
    client: httpx.AsyncClient, ada: Person
) -> None:
    for name in ("one", "two"):
        await sync_to_async(_scripted)(name)
    statuses = [
        (
            await client.post(
                f"/openai/deployments/{name}/completions",
                json={"prompt": "a"},
                headers={"api-key": ada.key, "idempotency-key": "once"},
            )
        ).status_code
        for name in ("one", "one", "two")
    ]
    assert statuses == [200, 200, 422]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/wss/nothing", "/openai/v1/nothing"])
async def test_a_websocket_without_a_route_is_closed(path: str) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "websocket", "path": path, "headers": [(b"host", b"localhost")], "scheme": "ws",
    }  # fmt: skip
    await application(scope, asyncio.Queue().get, send)
    assert sent == [{"type": "websocket.close", "code": 4404}]


def _scripted(name: str) -> None:
    model, _ = ServedModel.objects.get_or_create(
        id="scripted",
        defaults={
            "engine": "scripted:", "context_window": 8192, "state": "installed",
            "capabilities": ["chat", "completions"],
        },
    )  # fmt: skip
    Price.objects.get_or_create(
        model="scripted", defaults={"input": 10**6, "cached_input": 10**6, "output": 10**6}
    )
    ModelAlias.objects.create(name=name, model=model)
