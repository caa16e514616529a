"""All kinds by name, in the order in which a folder is applied: what others need comes first."""

from typing import Any, Final

from manifests.kind import Kind
from manifests.kinds.api_keys import APIKeys
from manifests.kinds.chatbots import Chatbots
from manifests.kinds.knowledge_files import KnowledgeFiles
from manifests.kinds.organisations import Organisations
from manifests.kinds.prices import Prices
from manifests.kinds.webhooks import Webhooks

KINDS: Final[dict[str, Kind[Any]]] = {
    kind.name: kind
    for kind in (
        Organisations(), Prices(), Chatbots(), KnowledgeFiles(), Webhooks(), APIKeys(),
    )
}  # fmt: skip
