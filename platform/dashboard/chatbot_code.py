"""A chatbot as calls of the API: its published version by name, its draft's settings in full."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from chatbots.models import Chatbot

QUESTION = "Hello!"


def snippets(chatbot: Chatbot, url: str) -> list[tuple[str, str]]:
    """(its heading, its text), each whole: it runs with a key in SMARTER_API_KEY."""
    draft = asked(chatbot.draft)
    shown = [("curl", _curl(url, draft)), ("Python", _python(url, draft))]
    shown.append(("JavaScript", _javascript(url, draft)))
    if chatbot.live is not None:
        by_name = {"model": f"chatbot/{chatbot.name}", "messages": [_said("user", QUESTION)]}
        shown.append((_("The published version, with its files"), _curl(url, by_name)))
    return shown


def asked(draft: Mapping[str, Any]) -> dict[str, Any]:
    """The draft as the body of a chat completion; its files are not in it."""
    body = {
        "model": draft["model"],
        "messages": [_said("system", draft["system_prompt"]), _said("user", QUESTION)],
        "temperature": draft["temperature"],
        "top_p": draft["top_p"],
        "max_completion_tokens": draft["max_output_tokens"],
        "stop": draft["stop"],
        "response_format": _format(draft["response_format"]),
        "tools": [_tool(tool) for tool in draft["tools"]],
    }
    return {name: value for name, value in body.items() if value not in (None, [])}


def _said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """One level deeper than the Responses API writes it."""
    known = {n: tool[n] for n in ("name", "description", "parameters", "strict") if tool.get(n)}
    return {"type": "function", "function": known}


def _format(form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if form is None or form["type"] != "json_schema":
        return dict(form) if form else None
    schema = {n: v for n, v in form.items() if n != "type" and v is not None}
    return {"type": "json_schema", "json_schema": schema}


def _curl(url: str, body: dict[str, Any]) -> str:
    text = json.dumps(body, indent=2, ensure_ascii=False).replace("'", "'\\''")
    return (
        f'curl {url}/chat/completions \\\n  -H "Authorization: Bearer $SMARTER_API_KEY" \\\n'
        f"  -H \"Content-Type: application/json\" \\\n  -d '{text}'"
    )


def _python(url: str, body: dict[str, Any]) -> str:
    arguments = "".join(f"    {name}={value!r},\n" for name, value in body.items())
    return (
        f'import os\n\nfrom openai import OpenAI\n\nclient = OpenAI(\n    base_url="{url}",\n'
        '    api_key=os.environ["SMARTER_API_KEY"],\n)\n'
        f"answer = client.chat.completions.create(\n{arguments})\n"
        "print(answer.choices[0].message.content)"
    )


def _javascript(url: str, body: dict[str, Any]) -> str:
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return (
        'import OpenAI from "openai";\n\nconst client = new OpenAI({\n'
        f'  baseURL: "{url}",\n  apiKey: process.env.SMARTER_API_KEY,\n}});\n'
        f"const answer = await client.chat.completions.create({text});\n"
        "console.log(answer.choices[0].message.content);"
    )
