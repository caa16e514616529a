"""What a person sees when the site is up: where it is, how to sign in, what to type first."""

from django.conf import settings
from rich.text import Text

from chatbots.models import Chatbot
from config.first_run import Credentials


def text(url: str, demo: Credentials, guide: Chatbot | None) -> Text:
    """Every value stands alone on its line, so that it can be copied."""
    facts = {
        "Dashboard": f"{url}/dashboard/",
        "Login": demo.email,
        "Password": demo.password,
        "API": f"{url}/v1",
        "API key": demo.api_key,
        **(_of_chatbot(url, guide) if guide else {}),
        "Logs": str(settings.DATA_DIR / "logs"),
    }
    greeting = Text.assemble("\n", ("  Smarter is running", "bold green"), "\n\n")
    for name, value in facts.items():
        greeting.append_text(Text.assemble((f"  {name:<16}", "dim"), value, "\n"))
    return greeting.append_text(
        Text.assemble(
            ("\n  Watch it answer:\n\n", "bold"), curl(url, demo.api_key),
            ("\n  Ctrl-C stops everything.\n", "dim"),
        )
    )  # fmt: skip


def _of_chatbot(url: str, guide: Chatbot) -> dict[str, str]:
    return {
        "Chatbot": f"{url}/c/{guide.slug}",
        "Publishable key": guide.publishable_text,
    }


def curl(url: str, key: str) -> str:
    question = '{"stream": true, "messages": [{"role": "user", "content": "What is 7 plus 5?"}]}'
    return (
        f"curl -N {url}/v1/chat/completions \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{question}'\n"
    )
