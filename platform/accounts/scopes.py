"""What an API key may do, and what each role in an organisation may hand to its keys."""

from typing import Final

DESCRIPTIONS: Final[dict[str, str]] = {
    "inference": "Generate: chat completions, completions, all that is charged by the token.",
    "models:read": "List the models and their prices.",
    "files:read": "List and download files.",
    "files:write": "Upload and delete files.",
    "chatbots:read": "Read chatbots, their versions, conversations and visitors.",
    "chatbots:write": "Make, change, publish, pause and delete chatbots; delete visitors' data.",
    "usage:read": "Read the balance, usage, ledger, top-ups and single generations.",
    "billing:write": "Add funds.",
    "keys:write": "List, create, change, rotate and revoke API keys.",
    "admin": "Change the organisation and see its members.",
}
ALL: Final = frozenset(DESCRIPTIONS)

OF_ROLE: Final[dict[str, frozenset[str]]] = {
    "owner": ALL,
    "admin": ALL - {"billing:write"},
    "developer": frozenset(
        {
            "inference",
            "models:read",
            "files:read",
            "files:write",
            "chatbots:read",
            "chatbots:write",
            "usage:read",
            "keys:write",
        }
    ),
    "billing": frozenset({"models:read", "usage:read", "billing:write"}),
    "analyst": frozenset({"models:read", "chatbots:read", "usage:read"}),
}
