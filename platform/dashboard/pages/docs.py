"""The guides inside the frame, with this site's address and the reader's own key."""

from collections.abc import Mapping
from typing import Final

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from accounts.models import APIKey
from dashboard import guides
from dashboard.access import TeamRequest, organisation_view
from inference import catalog

WRITTEN_ADDRESS: Final = "http://127.0.0.1:8000"
WRITTEN_KEY: Final = "sk-..."
QUICKSTART: Final[Mapping[str, str]] = {
    "curl": """curl {base}/v1/chat/completions \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'""",
    "Python": """from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)""",
    "JavaScript": """import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base}/v1", apiKey: "{key}" }});
const answer = await client.chat.completions.create({{
  model: "{model}",
  messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.choices[0].message.content);""",
}


@organisation_view()
def docs(request: TeamRequest) -> HttpResponse:
    shown = {"guides": guides.guides(), "snippets": snippets(request), "key": key_of(request)}
    return render(request, "dashboard/docs.html", shown)


@organisation_view()
def doc(request: TeamRequest, name: str) -> HttpResponse:
    guide = next((guide for guide in guides.guides() if guide.name == name), None)
    if guide is None:
        raise Http404
    shown = {"guides": guides.guides(), "guide": guide, "body": _own(request, guide.body)}
    return render(request, "dashboard/doc.html", shown)


def snippets(request: TeamRequest, model: str = "") -> list[tuple[str, str]]:
    """The first call in each language, with what is this reader's."""
    own = {
        "base": base(request),
        "key": key_of(request),
        "model": model or request.organisation.default_model or catalog.DEFAULT_MODEL,
    }
    return [(language, text.format(**own)) for language, text in QUICKSTART.items()]


def base(request: TeamRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


def key_of(request: TeamRequest) -> str:
    """How the reader's newest key begins and ends; its middle is known to nobody but them."""
    mine = APIKey.objects.all().for_organisation(request.organisation.id).usable()
    own = mine.filter(created_by=request.user, kind=APIKey.Kind.SECRET).order_by("-created_at")
    key = own.first()
    return key.redacted if key else WRITTEN_KEY


def _own(request: TeamRequest, body: SafeString) -> SafeString:
    """Both replacements are escaped, what they stand in is our own text."""
    told = body.replace(WRITTEN_ADDRESS, escape(base(request)))
    return mark_safe(told.replace(WRITTEN_KEY, escape(key_of(request))))  # noqa: S308 - as above
