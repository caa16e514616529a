"""The server of an encoder or a classifier: texts are read, and nothing is generated."""

from inference.engines.base import GenerationRequest, InvalidGeneration
from inference.engines.local.connection import Connection
from inference.engines.local.embedding.loading import LoadedEncoder
from inference.engines.local.loop import QueueBounds
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import PreparedPrompt, StepEvents, Submission
from inference.engines.local.serving import ModelServer
from inference.engines.local.streams import Stream


class NoSteps:
    """What the loop runs where nothing is generated."""

    running = prompt_tokens = kept_tokens = 0

    def admit(self, waiting: FairQueue) -> list[Submission]:
        del waiting
        return []

    def drop_cancelled(self) -> None: ...

    def refuse(self, submissions: object, error: object) -> None: ...

    def step(self) -> tuple[StepEvents, int]:
        return StepEvents(), 0


class EncoderServer(ModelServer):
    def __init__(self, model: LoadedEncoder, secret: str | None = None) -> None:
        super().__init__(model.info, 0, NoSteps(), QueueBounds(0), model.texts, secret)

    async def prepare(self, request: GenerationRequest, wish: bytes) -> PreparedPrompt:
        del request, wish
        raise _refusal()

    def stream(
        self, id_: int, reader: Connection, submission: Submission, request: GenerationRequest
    ) -> Stream:
        raise _refusal()

    def submit(self, submission: Submission) -> None:
        raise _refusal()

    def cancel(self, submission: Submission) -> None: ...

    def _hand_over(self, events: StepEvents) -> None: ...

    def _begin(self) -> None: ...

    def _end(self) -> None: ...


def _refusal() -> InvalidGeneration:
    return InvalidGeneration("This model reads texts and generates none.", "model")
