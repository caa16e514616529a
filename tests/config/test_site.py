"""The site as one application: pages, files and the API behind the same edge."""

import httpx
import pytest

from config.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(async_db: None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.parametrize("path", ["/v1/nothing", "/nothing", "/v1/chat/completions/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
async def test_unknown_paths_answer_in_json_for_every_method(
    client: httpx.AsyncClient, path: str, method: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize("path", ["/me", "/balance", "/models", "/chat/completions"])
async def test_every_resource_answers_with_and_without_the_prefix(
    client: httpx.AsyncClient, prefix: str, path: str
) -> None:
    answer = await client.request("POST" if "chat" in path else "GET", prefix + path)
    assert answer.status_code == 401


@pytest.mark.usefixtures("async_db")
async def test_the_first_page_leads_to_the_reference(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.status_code == 200
    assert 'href="/docs/' in answer.text


async def test_the_reference_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs/")).text
    assert "http://" not in page.replace("http://localhost", "")
    assert "https://" not in page
    script = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
    assert script in page
    assert (await client.get(script)).status_code == 200


async def test_the_description_is_open_to_everybody(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    assert "/v1/me" in answer.json()["paths"]


async def test_the_administration_has_its_style(client: httpx.AsyncClient) -> None:
    page = await client.get("/admin/login/")
    assert page.status_code == 200
    assert "content-security-policy" in page.headers
    style = await client.get("/static/unfold/css/styles.css")
    assert style.status_code == 200
    assert style.headers["cache-control"] == "public, max-age=3600"


async def test_static_files_travel_packed(client: httpx.AsyncClient) -> None:
    for path in ("/static/site/base.css", "/static/vendor/htmx@4.0.1/htmx.min.js"):
        packed = await client.get(path, headers={"accept-encoding": "gzip"})
        plain = await client.get(path, headers={"accept-encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.content == plain.content


@pytest.mark.parametrize("path", ["/static/../manage.py", "/static/%2e%2e/manage.py", "/static/x"])
async def test_files_outside_of_the_static_folders_are_not_found(
    client: httpx.AsyncClient, path: str
) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/docs/", "/openapi.json"])
async def test_the_descriptions_refuse_other_methods_in_json(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.post(path, json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.json()["error"]["code"] == "method_not_allowed"
