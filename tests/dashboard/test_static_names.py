"""Static files have their content in their address, so that browsers keep them for a year."""

import httpx
from django.templatetags.static import static

from config.asgi import application
from dashboard import static_names


async def test_an_address_with_its_content_is_kept_for_a_year() -> None:
    address = static("dashboard/components.css")
    assert f"?v={static_names._digest('dashboard/components.css')}" in address
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        named, plain = await client.get(address), await client.get(address.partition("?")[0])
    assert named.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["cache-control"] == "public, max-age=3600"
    assert named.content == plain.content


def test_a_font_has_one_address_for_sheets_and_pages() -> None:
    name = "site/fonts/ibm-plex-sans-latin-wght-normal.woff2"
    assert static(name) == f"/static/{name}"
