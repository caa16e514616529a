"""`smarter chat NAME`: answers arrive word by word, and each goes on from the one before."""

import sys
from typing import Annotated

import typer

from smarter import Chatbot
from smarter.cli.credentials import client
from smarter.cli.output import screen
from smarter.types.chatbots import Asked


def chat(
    name: Annotated[str, typer.Argument(help="The chatbot.")],
    text: Annotated[str, typer.Argument(help="What to say; left out: a conversation.")] = "",
) -> None:
    """Talks to a chatbot; without a text until an empty line or Ctrl-D."""
    with client() as open_client:
        chatbot = open_client.resources.chatbots.get(name)
        if text or not sys.stdin.isatty():
            _say(chatbot, text or sys.stdin.read(), None)
            return
        conversation: str | None = None
        while asked := _asked():
            conversation = _say(chatbot, asked, conversation)


def _asked() -> str:
    try:
        return screen.input("[bold]You[/] ").strip()
    except EOFError:
        return ""


def _say(chatbot: Chatbot, text: str, conversation: str | None) -> str | None:
    """Prints the answer as it comes; the conversation that it belongs to."""
    goes_on: Asked = {} if conversation is None else {"conversation": conversation}
    with chatbot.prompt(text, stream=True, **goes_on) as pieces:
        for piece in pieces:
            screen.out(piece.text, end="", highlight=False)
            conversation = piece.conversation or conversation
    screen.out("")
    return conversation


def add_to(application: typer.Typer) -> None:
    application.command("chat")(chat)
