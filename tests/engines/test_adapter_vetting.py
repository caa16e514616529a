"""What is no LoRA adapter of this base is refused with the reason, and none of it is loaded."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engines.base import InvalidGeneration
from inference.engines.local.adapters import AdapterShelf
from inference.engines.local.adapters_vetting import CONFIG, WEIGHTS
from tests.engines.small_adapters import make_adapter
from tests.engines.small_models import reference

LAYER = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_adapter(reference("llama"), tmp_path / "mine", 1)


def refusal(folder: Path, name: str = "mine") -> str:
    with pytest.raises(InvalidGeneration) as told:
        AdapterShelf(folder.parent, reference("llama")).get(name)
    assert told.value.param == "model"
    return str(told.value)


def changed(folder: Path, tensors: Mapping[str, torch.Tensor | None]) -> None:
    kept = {**load_file(folder / WEIGHTS), **tensors}
    save_file({name: each for name, each in kept.items() if each is not None}, folder / WEIGHTS)


def test_what_peft_has_written_is_served(folder: Path) -> None:
    assert AdapterShelf(folder.parent, reference("llama")).get("mine").name == "mine"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("peft_type", "IA3", "LORA"),
        ("r", 129, "from 1 to 128"),
        ("r", True, "whole number"),
        ("r", 3, "shape"),
        ("lora_alpha", 0, "lora_alpha"),
        ("lora_alpha", float("nan"), "lora_alpha"),
        ("bias", "all", "bias"),
        ("use_dora", True, "use_dora"),
        ("modules_to_save", ["lm_head"], "modules_to_save"),
        ("rank_pattern", {"q_proj": 8}, "rank_pattern"),
    ],
)
def test_what_is_not_served_is_named(folder: Path, field: str, value: object, said: str) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, field: value}))
    assert said in refusal(folder)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({f"{LAYER}A.weight": torch.zeros(4, 47)}, "shape"),
        ({f"{LAYER}B.weight": None}, "other half"),
        ({"base_model.model.lm_head.lora_A.weight": torch.zeros(4, 48)}, "no layer"),
        ({"base_model.model.model.layers.9.mlp.up_proj.lora_A.weight": torch.zeros(4, 48)}, "no l"),
        ({f"{LAYER}A.weight": torch.full((4, 48), torch.nan)}, "no numbers"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    folder: Path, tensors: dict[str, torch.Tensor | None], said: str
) -> None:
    changed(folder, tensors)
    assert said in refusal(folder)


def test_pickles_are_never_opened(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "adapter_model.bin")
    assert "adapter_model.safetensors is missing" in refusal(folder)


@pytest.mark.parametrize("name", ["../mine", "/etc", ".", "", "a/b", "unknown", "a" * 101])
def test_a_name_leads_nowhere_but_into_the_folder(folder: Path, name: str) -> None:
    refusal(folder, name)


def test_an_engine_without_a_folder_has_no_adapters() -> None:
    with pytest.raises(InvalidGeneration, match="no such adapter"):
        AdapterShelf(None, reference("llama")).get("mine")
