"""Random LoRA adapters in peft's own folders, and what peft itself makes of them."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from inference.engines.local.adapters_vetting import TARGETS


def make_adapter(model: PreTrainedModel, folder: Path, seed: int, **changes: Any) -> Path:
    """Weights large enough to change what a random model says."""
    torch.manual_seed(seed)
    given = {"r": 4, "lora_alpha": 8, "target_modules": list(TARGETS), **changes}
    config = LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **given)
    with peft_may_warn():
        adapted = get_peft_model(copy.deepcopy(model), config)
    with torch.no_grad():
        for name, weights in adapted.named_parameters():
            if "lora_" in name:
                weights.normal_(0, 0.15)
    adapted.save_pretrained(str(folder))
    return folder


def with_adapter(model: PreTrainedModel, folder: Path) -> PeftModel:
    with peft_may_warn():
        adapted = PeftModel.from_pretrained(copy.deepcopy(model), str(folder))
    adapted.eval()
    return adapted


@contextmanager
def peft_may_warn() -> Iterator[None]:
    """It still asks transformers by an older name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield
