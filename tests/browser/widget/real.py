"""A running product with a chatbot on the scripted model, and sites around it."""

import json
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page

from tests.browser.widget import sites
from tests.browser.widget.seen import Seen
from tests.running import Server, Tenant

MAKE = """
import json
from chatbots import making, versions
from chatbots.author import Author
author = Author("test")
made = making.create({organisation!r}, author, {name!r}, {title!r}, json.loads({configuration!r}))
versions.publish(made, author)
made.refresh_from_db()
print(json.dumps([made.publishable_text, made.slug]))
"""
ASK = """
import json
from chatbots.models import Message
rows = Message.objects.filter(organisation_id={organisation!r}).order_by("created_at", "place")
print(json.dumps([[row.role, row.status, row.text, row.cost_nano] for row in rows]))
"""


SIGN = """
import json, time, jwt
from chatbots import making
made = making.find({organisation!r}, {name!r})
claims = {{"sub": {who!r}, "aud": made.id, "exp": int(time.time()) + {seconds}}}
print(json.dumps([jwt.encode(claims, made.secret, "HS256")]))
"""


@dataclass
class Shop:
    """`allowed`: its chatbot may stand there. `stranger`: another origin, where it may not."""

    server: Server
    tenant: Tenant
    allowed: sites.Site = field(default_factory=sites.Site)
    stranger: sites.Site = field(default_factory=sites.Site)

    def chatbot(self, name: str, **configuration: Any) -> tuple[str, str]:
        """A published one; its publishable key and the slug of its page."""
        settings = {
            "model": "scripted", "system_prompt": "Be kind.", "allowed_origins": [self.allowed.url],
            "suggested_prompts": ["Where is my order?"], **configuration,
        }  # fmt: skip
        words = {"organisation": self.tenant.organisation, "name": name, "title": "Fernhill"}
        told = self._shell(MAKE.format(**words, configuration=json.dumps(settings)))
        return str(told[0]), str(told[1])

    def token(self, name: str, who: str, seconds: int = 600) -> str:
        """Of a person, as the shop's own server signs it."""
        words = {"organisation": self.tenant.organisation, "name": name}
        return str(self._shell(SIGN.format(**words, who=who, seconds=seconds))[0])

    def messages(self) -> list[tuple[str, str, str, int]]:
        told = self._shell(ASK.format(organisation=self.tenant.organisation))
        return [(role, status, text, cost) for role, status, text, cost in told]

    def visit(self, page: Page, name: str, key: str, *, on: sites.Site | None = None) -> Seen:
        site = on or self.allowed
        html = sites.page(self.server.url, {"bot": name, "key": key})
        site.pages[f"/{name}"] = (html, sites.strict(self.server.url))
        seen = Seen(page)
        page.goto(f"{site.url}/{name}")
        return seen

    def close(self) -> None:
        self.allowed.close()
        self.stranger.close()

    def _shell(self, program: str) -> list[Any]:
        printed = self.server.manage("shell", "-v", "0", "-c", program)
        told: list[Any] = json.loads(printed.strip().splitlines()[-1])
        return told


def words(count: int) -> str:
    """What the scripted model says to `#words=count`."""
    return " ".join(f"w{number}" for number in range(1, count + 1))
