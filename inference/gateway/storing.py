"""Chat completions with `store: true` are written down at the end of their Run."""

from functools import partial

from inference.gateway.wire import Wire
from inference.runs import Record, Run
from inference.schemas.chat_completions import ChatCompletionRequest
from inference.schemas.fields import GeneratingParams
from inference.stored_completions import recording


def record(organisation_id: str, asked: GeneratingParams, wire: Wire) -> Record | None:
    """None where nothing is to be stored."""
    if isinstance(asked, ChatCompletionRequest) and asked.store:
        return partial(_record, organisation_id, asked, wire)
    return None


async def _record(organisation_id: str, asked: ChatCompletionRequest, wire: Wire, run: Run) -> None:
    if run.failure is None:
        await recording.keep(organisation_id, asked, wire.whole(run))
