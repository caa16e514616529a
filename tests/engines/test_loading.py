"""Loading: what is safe and supported is served as it says, everything else is refused."""

import json
from pathlib import Path

import pytest
import torch

from inference.engines.base import GenerationRequest, SamplingParams
from inference.engines.local.loading import LoadedModel, LoadingFailed, LoadOptions, load
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import Submission
from inference.vetting import ARCHITECTURES
from tests.engines.small_models import make_folder, shapes


@pytest.fixture(autouse=True)
def one_thread_after() -> None:
    torch.set_num_threads(1)


def first_tokens(model: LoadedModel, count: int) -> list[int]:
    request = GenerationRequest("r", "m", SamplingParams(), prompt="hello to the world")
    waiting = FairQueue()
    greedy = SamplingParams(temperature=0, ignore_eos=True)
    waiting.put(Submission(model.encoder.encode(request), greedy, count))
    model.steps.admit(waiting)
    tokens = []
    while model.steps.running:
        tokens += [event.token for event in model.steps.step()[0].tokens]
    return tokens


def test_bfloat16_is_served_as_such_and_says_almost_the_same(model_folder: Path) -> None:
    full = load(LoadOptions(model_folder, threads=1))
    half = load(LoadOptions(model_folder, threads=1, dtype="bfloat16"))
    assert (full.info.dtype, half.info.dtype) == ("float32", "bfloat16")
    assert first_tokens(half, 3) == first_tokens(full, 3)


def test_the_context_is_the_smaller_of_what_is_asked_and_what_the_model_has(
    model_folder: Path,
) -> None:
    assert load(LoadOptions(model_folder, threads=1, context=64)).info.context_window == 64
    assert load(LoadOptions(model_folder, threads=1, context=9999)).info.context_window == 512


def test_steps_are_recorded_on_cuda_alone(model_folder: Path) -> None:
    with pytest.raises(LoadingFailed, match="leave --graphs out"):
        load(LoadOptions(model_folder, threads=1, graphs=True))


def test_the_memory_bounds_the_slots(model_folder: Path) -> None:
    """One token takes 3 layers x 2 x 2 heads x 12 numbers of 4 bytes."""
    each = 512 * 3 * 2 * 2 * 12 * 4
    few = load(LoadOptions(model_folder, threads=1, kv_memory_mb=2))
    assert few.slots == 2 * 2**20 * 4 // 5 // each  # the rest is for prompts that begin alike
    assert load(LoadOptions(model_folder, threads=1, max_sequences=3)).slots == 3


def test_in_blocks_the_memory_bounds_all_tokens_together(model_folder: Path) -> None:
    token, whole = 3 * 2 * 2 * 12 * 4, 512 // 16
    model = load(LoadOptions(model_folder, threads=1, kv_memory_mb=2, pages=True))
    assert model.tokens == (2 * 2**20 // token // 16 - 1) * 16  # of which one is nobody's
    assert model.slots == min(128, model.tokens // 16)
    assert first_tokens(model, 3) == first_tokens(load(LoadOptions(model_folder, threads=1)), 3)
    many = load(LoadOptions(model_folder, threads=1, max_sequences=2, pages=True))
    assert many.tokens == 2 * whole * 5 // 4 * 16


@pytest.mark.parametrize("pages", [False, True])
def test_one_whole_context_must_fit(tmp_path: Path, pages: bool) -> None:
    folder = make_folder(tmp_path, max_position_embeddings=8192)
    with pytest.raises(LoadingFailed, match="needs 5 MB of KV memory, and 4 MB"):
        load(LoadOptions(folder, threads=1, kv_memory_mb=4, pages=pages))


def test_every_end_token_that_anybody_declares_is_one(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    declared = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(declared | {"eos_token_id": [5, 7]}))
    eos = load(LoadOptions(folder, threads=1)).steps._options.eos
    assert eos == {1, 5, 7}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "code"),
        ({"_attn_implementation_internal": "hub/kernel"}, "attention kernel"),
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1.0}}, "rope"),
        ({"rope_parameters": {"rope_type": "longrope", "rope_theta": 1.0}}, "rope"),
        ({"model_type": "gemma", "architectures": ["GemmaForCausalLM"]}, "not supported"),
        ({"layer_types": ["sliding_attention"] * 3}, "sliding windows"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
    ],
)
def test_what_is_unsafe_or_unsupported_is_refused_with_the_reason(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    folder = make_folder(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(LoadingFailed, match=reason):
        load(LoadOptions(folder))


def test_pickled_weights_are_never_loaded(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(LoadingFailed, match="safetensors"):
        load(LoadOptions(folder))


def test_all_tested_shapes_are_ones_that_can_be_added() -> None:

    assert {config.model_type for config in shapes().values()} == set(ARCHITECTURES.values())
