"""The training script packs documents that do not see each other, learns, writes and goes on."""

import itertools
from pathlib import Path

import pytest
import torch

from inference.builtin import packing, tokenizer, train
from inference.builtin.muon import orthogonal
from tests.inference.builtin import asking


@pytest.fixture
def batch() -> packing.Batch:
    read = tokenizer.read(asking.WEIGHTS)
    return next(packing.batches(read, "packing", train.TOKENS_PER_STEP))


def _text(tokens: torch.Tensor) -> str:
    return str(asking.tokenizer().decode(tokens.tolist()))


def test_only_what_the_assistant_says_is_learned(batch: packing.Batch) -> None:
    for owner in range(int(batch.owners[0].max()) + 1):
        own = batch.owners[0] == owner
        whole = _text(batch.tokens[0][own])
        if whole.startswith("<|im_start|>"):
            turns = [part.split("<|im_end|>")[0] for part in whole.split("<|im_start|>assistant\n")]
            said = _text(batch.tokens[0][own & batch.learned[0]]).split("<|im_end|>")
            assert said == [*turns[1:], ""]


def test_a_token_sees_its_own_document_up_to_itself_and_nothing_else(batch: packing.Batch) -> None:
    sees, owners = batch.attention()[0, 0], batch.owners[0]
    row, column = torch.where(sees)
    assert torch.equal(owners[row], owners[column])
    assert bool((column <= row).all())
    assert bool(sees.diagonal().all())
    assert int(owners.max()) > 1


def test_nearly_all_of_a_batch_is_filled(batch: packing.Batch) -> None:
    assert (batch.owners >= 0).float().mean().item() > 0.9


def test_an_update_of_muon_has_singular_values_near_one() -> None:
    torch.manual_seed(1)
    singular = torch.linalg.svdvals(orthogonal(torch.randn(2, 48, 32)))
    assert 0.5 < singular.min().item() < singular.max().item() < 1.5


def test_training_writes_a_model_folder_and_goes_on_from_it(tmp_path: Path) -> None:
    first = train.Training(tmp_path, minutes=0.01, compiled=False)
    before = [each.clone() for each in itertools.islice(first.model.parameters(), 2)]
    first.go()
    assert any(
        not torch.equal(old, new)
        for old, new in zip(before, first.model.parameters(), strict=False)
    )
    assert {each.name for each in tmp_path.iterdir()} == {
        *("config.json", "generation_config.json", "model.safetensors", "tokenizer.json"),
        *("tokenizer_config.json", "SHA256SUMS", "state.pt"),
    }
    again = train.Training(tmp_path, minutes=0.02, compiled=False)
    again.resume()
    assert again.progress == first.progress
    again.go()
    assert again.progress.step > first.progress.step
