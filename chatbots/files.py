"""Files that a chatbot answers from: in a store of its own, which the API does not list."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from api.errors import NotFound
from chatbots.models import Chatbot
from files.models import StoredFile
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
    with _in_its_words(chatbot):
        return adding.find(store, file_id)


def detach(chatbot: Chatbot, file_id: str) -> None:
    """The file itself stays. Raises NotFound."""
    with _in_its_words(chatbot):
        stores.remove_file(chatbot.organisation_id, chatbot.store_id, file_id)


@contextmanager
def _in_its_words(chatbot: Chatbot) -> Iterator[None]:
    """Nobody knows of its store."""
    try:
        yield
    except NotFound as error:
        files = f"List its files with GET /v1/chatbots/{chatbot.name}/files."
        raise NotFound("This chatbot has no such file.", hint=files) from error


def answering_from(stored: StoredFile) -> list[Chatbot]:
    """The chatbots that know a file, by their names."""
    stores_of_it = StoreFile.objects.filter(file_id=stored.id).values_list("store_id", flat=True)
    mine = Chatbot.objects.all().for_organisation(stored.organisation_id)
    return list(mine.filter(store_id__in=list(stores_of_it)).order_by("name"))


def let_answer(stored: StoredFile, chatbots: Sequence[Chatbot]) -> None:
    """These answer from the file, and no others."""
    wanted = {bot.id: bot for bot in chatbots}
    now = {bot.id: bot for bot in answering_from(stored)}
    for bot_id in now.keys() - wanted.keys():
        detach(now[bot_id], stored.id)
    for bot_id in wanted.keys() - now.keys():
        attach(wanted[bot_id], stored.id)
