"""Files that a chatbot answers from: in a store of its own, which the API does not list."""

from collections.abc import Sequence

from chatbots.models import Chatbot
from knowledge import adding, stores, tasks
from knowledge.models import StoreFile


def attach(chatbot: Chatbot, file_id: str) -> StoreFile:
    """It is read in the background. Raises NotFound, InvalidRequest, StorageQuotaExceeded."""
    added = stores.add_file(chatbot.organisation_id, chatbot.store_id, file_id)
    tasks.wake()
    return find(chatbot, added.file_id)


def attached(chatbot: Chatbot) -> Sequence[StoreFile]:
    """The newest first."""
    return list(stores.files(chatbot.organisation_id, chatbot.store_id))


def find(chatbot: Chatbot, file_id: str) -> StoreFile:
    """Raises NotFound."""
    store = stores.find(chatbot.organisation_id, chatbot.store_id, internal=True)
    return adding.find(store, file_id)


def detach(chatbot: Chatbot, file_id: str) -> None:
    """The file itself stays. Raises NotFound."""
    stores.remove_file(chatbot.organisation_id, chatbot.store_id, file_id)
