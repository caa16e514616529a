"""Reading beside generating: the same weights, bounded pieces, nobody waits for more than one."""

import copy
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name

from inference.engines.base import EngineOverloaded, GenerationFailed
from inference.engines.local.embedding.models import Reader, TextModel
from inference.engines.local.embedding.queue import Job, TextQueue
from inference.engines.local.embedding.server import NoSteps
from inference.engines.local.loading import LoadOptions, load
from inference.engines.local.loop import EngineLoop, QueueBounds
from inference.engines.local.sequences import StepEvents
from inference.pooling import Pooling
from tests.engines.small_models import make_folder, reference, shapes
from tests.patience import PATIENCE

PIECE = 32


def row(*sizes: int, seed: int = 3) -> list["array[int]"]:
    numbers = torch.Generator().manual_seed(seed)
    made = [torch.randint(0, 150, (size,), generator=numbers) for size in sizes]
    return [array("i", each.tolist()) for each in made]


def read(model: TextModel, texts: list["array[int]"]) -> torch.Tensor:
    parts = list(model.read(texts))
    assert parts[-1] is not None
    return parts[-1]


@pytest.mark.parametrize("kind", ["mean", "last"])
@pytest.mark.parametrize("shape", sorted(shapes()))
def test_a_generating_model_reads_as_transformers_computes(shape: str, kind: Any) -> None:
    model = reference(shape)
    reader = Reader(copy.deepcopy(model), Pooling(kind), PIECE)
    texts = row(5, 1, 9, 32, 100)
    short, (long,) = read(reader, texts[:4]), read(reader, texts[4:])
    for text, vector in zip(texts, (*short, long), strict=True):
        with torch.no_grad():
            states = model.base_model(torch.tensor([text.tolist()])).last_hidden_state[0]
        wanted = states.mean(0) if kind == "mean" else states[-1]
        assert torch.allclose(vector, F.normalize(wanted, dim=0), atol=1e-5)


def test_a_text_longer_than_a_piece_is_read_in_parts_of_one() -> None:
    reader = Reader(copy.deepcopy(reference("llama")), Pooling(), PIECE)
    assert len(list(reader.read(row(100)))) == 4


def test_reading_takes_no_memory_for_weights_of_its_own(tmp_path: Path) -> None:
    model = load(LoadOptions(make_folder(tmp_path)))
    generating: Any = model.steps._runner
    reading: Any = model.texts.model._model
    ours = {weights.data_ptr() for weights in reading.parameters()}
    theirs = {weights.data_ptr() for weights in generating.model.parameters()}
    assert ours <= theirs


class Words(TextModel):
    """Numbers without torch's work; token 13 breaks a piece, 14 makes no number."""

    width = 1

    def __init__(self, seconds: float = 0) -> None:
        self.piece_tokens = PIECE
        self.seconds = seconds  # for a token
        self.pieces: list[list[int]] = []

    def read(self, rows: Any) -> Iterator[torch.Tensor | None]:
        time.sleep(self.seconds * sum(map(len, rows)))
        self.pieces.append([each[0] for each in rows])
        assert max(map(len, rows)) * len(rows) <= PIECE
        if any(13 in each for each in rows):
            raise RuntimeError("13")
        yield torch.tensor([[float("nan") if 14 in each else float(each[0])] for each in rows])


def job(texts: list["array[int]"], told: list[Job], tenant: str = "") -> Job:
    return Job(texts, tenant, told.append)


def named(name: int, *sizes: int) -> list["array[int]"]:
    return [array("i", [name] * size) for size in sizes]


def test_results_keep_the_order_of_the_texts_and_pieces_their_bound() -> None:
    queue, told = TextQueue(Words()), list[Job]()
    texts = [array("i", [n] * size) for n, size in enumerate((5, 1, 32, 7, 2, 2, 16, 16, 3))]
    queue.add(job(texts, told))
    while queue:
        queue.work()
    assert told[0].numbers is not None
    assert told[0].numbers.flatten().tolist() == list(range(9))
    assert queue.tokens == 0


def test_tenants_and_their_requests_take_turns() -> None:
    model = Words()
    queue, told = TextQueue(model), list[Job]()
    queue.add(job(named(1, *[16] * 8), told, "heavy"))
    queue.add(job(named(2, *[16] * 8), told, "heavy"))
    queue.add(job(named(3, 16, 16), told, "light"))
    for _ in range(3):
        queue.work()
    assert [piece[0] for piece in model.pieces] == [1, 3, 2]


def test_a_text_that_breaks_its_piece_fails_alone() -> None:
    queue, told = TextQueue(Words()), list[Job]()
    for texts in (named(1, 4), named(13, 4), named(2, 4), named(14, 4)):
        queue.add(job(texts, told))
    while queue:
        queue.work()
    failed = {each.texts[0][0]: each.error for each in told}
    assert {name for name, error in failed.items() if error} == {13, 14}
    assert all(isinstance(failed[name], GenerationFailed) for name in (13, 14))


def test_what_nobody_wants_any_more_is_not_read() -> None:
    model = Words()
    queue, told = TextQueue(model), list[Job]()
    gone = job(named(1, *[32] * 50), told)
    queue.add(gone)
    queue.work()
    gone.cancelled = True
    queue.add(job(named(2, 3), told))
    while queue:
        queue.work()
    assert model.pieces == [[1], [2]]
    assert queue.tokens == 0


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    queue = TextQueue(Words(), most_waiting=100)
    queue.add(job(named(1, 32, 32, 32), []))
    with pytest.raises(EngineOverloaded) as refused:
        queue.add(job(named(2, 5), []))
    assert refused.value.retry_after > 0
    queue.work()
    queue.add(job(named(2, 5), []))


class Endless(NoSteps):
    running = 1

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def step(self) -> tuple[StepEvents, int]:
        self.log.append("step")
        return StepEvents(), 0


class Pieces:
    nobody_waits = False

    def __init__(self, log: list[str], done: threading.Event) -> None:
        self.log, self.done = log, done

    def __bool__(self) -> bool:
        return not self.done.is_set()

    def work(self, seconds: float | None) -> None:
        assert (seconds is None) is self.nobody_waits
        self.log.append("piece")
        if self.log.count("piece") == 50:
            self.done.set()


def test_after_every_step_there_is_one_piece_and_after_every_piece_a_step() -> None:
    log, done = list[str](), threading.Event()
    loop = EngineLoop(Endless(log), QueueBounds(1), lambda _: None, lambda: None, Pieces(log, done))
    loop.start()
    assert done.wait(PATIENCE)
    loop.stop()
    assert log[:100] == ["step", "piece"] * 50


def test_a_piece_has_no_bound_of_time_where_nobody_waits() -> None:
    class Idle(Endless):
        running = 0

    log, done = list[str](), threading.Event()
    pieces = Pieces(log, done)
    pieces.nobody_waits = True
    loop = EngineLoop(Idle(log), QueueBounds(1), lambda _: None, lambda: None, pieces)
    loop.start()
    assert done.wait(PATIENCE)
    loop.stop()


def test_a_piece_beside_a_stream_takes_about_as_long_as_a_step() -> None:
    model = Words(seconds=0.0005)  # 16 ms for a piece of 32 tokens
    model.piece_tokens = 4 * PIECE
    model.read = _unbounded(model)  # type: ignore[method-assign]  # its own bound is another test's
    queue = TextQueue(model)
    queue.add(job(named(1, *[4] * 200), []))
    queue.work()
    for _ in range(6):
        queue.work(0.016)
    assert len(model.pieces[0]) == 32
    assert 4 <= len(model.pieces[-1]) <= 12
    queue.work(0.0)
    assert len(model.pieces[-1]) == 4  # sixteen tokens at least


def _unbounded(model: Words) -> Any:
    def read(rows: Any) -> Iterator[torch.Tensor]:
        time.sleep(model.seconds * sum(map(len, rows)))
        model.pieces.append([each[0] for each in rows])
        yield torch.zeros(len(rows), 1)

    return read


def test_a_long_text_goes_on_in_smaller_parts_when_a_stream_begins() -> None:
    model = Reader(copy.deepcopy(reference("llama")), Pooling(), PIECE)
    (text,) = row(100)
    parts, sizes = model.read([text]), [32, 4, 60]
    for size in sizes[1:]:
        assert next(parts) is None
        model.part_tokens = size
    assert next(parts) is None
    vector = next(parts)
    assert vector is not None
    whole = read(Reader(copy.deepcopy(reference("llama")), Pooling(), 128), [text])
    assert torch.allclose(vector, whole, atol=1e-5)
