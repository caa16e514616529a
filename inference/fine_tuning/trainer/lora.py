"""The adapter that is trained: peft's LoRA on a frozen base, its losses, and its state on disk."""

import math
import shutil
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from peft import (
    LoraConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from transformers import AutoModelForCausalLM

from inference.engines.local.adapters_vetting import TARGETS
from inference.fine_tuning.trainer.examples import Row
from inference.fine_tuning.trainer.spec import ALPHA, RANK, Spec

MICRO_TOKENS: Final = 4096  # computed at once, padding included
# Adapters like ten times what full training does, and narrow models more than wide ones: the fit
# for Llama of Schulman et al., "LoRA Without Regret", 2025.
RATE, RATE_WIDTH, RATE_POWER = 5e-4, 2000, 0.78
CLIP: Final = 1.0
IGNORED: Final = -100
STATE: Final = "state.pt"


@dataclass(slots=True)
class Score:
    """Sums over the tokens that were to be learned."""

    loss: float = 0.0
    right: int = 0
    tokens: int = 0

    def add(self, loss: float, right: int, tokens: int) -> None:
        self.loss, self.right, self.tokens = (
            self.loss + loss, self.right + right, self.tokens + tokens,
        )  # fmt: skip

    @property
    def facts(self) -> tuple[float, float]:
        """Mean loss and accuracy."""
        count = max(1, self.tokens)
        return self.loss / count, self.right / count


class Lora:
    def __init__(self, spec: Spec, multiplier: float) -> None:
        torch.manual_seed(spec.seed)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.bfloat16 if self._device.type == "cuda" else torch.float32
        base = AutoModelForCausalLM.from_pretrained(
            spec.base,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
        base.to(self._device)  # type: ignore[arg-type]  # transformers hides torch's signature
        config = LoraConfig(
            r=RANK, lora_alpha=ALPHA, target_modules=list(TARGETS), task_type="CAUSAL_LM"
        )
        with warnings.catch_warnings():
            # peft still asks transformers by an older name.
            warnings.simplefilter("ignore", FutureWarning)
            self.model: PeftModel = get_peft_model(base, config)
        self._causal: Any = base
        width = base.config.hidden_size
        self._rate = RATE * (RATE_WIDTH / width) ** RATE_POWER * multiplier
        learned = [weights for weights in self.model.parameters() if weights.requires_grad]
        self._optimizer = torch.optim.AdamW(learned, lr=self._rate, weight_decay=0.0)
        self._learned = learned

    def learn(self, rows: Sequence[Row], progress: float) -> Score:
        """One step on these rows; `progress` is how far of the training it is, from 0 to 1."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * min(1.0, 20 * progress + 0.05) * (1 - 0.95 * progress)
        score, total = Score(), sum(len(row.learned) for row in rows)
        self.model.train()
        for piece in _pieces(rows):
            loss = self._loss(piece, score)
            torch.autograd.backward(loss / total)
        torch.nn.utils.clip_grad_norm_(self._learned, CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return score

    def judge(self, rows: Sequence[Row]) -> Score:
        score = Score()
        self.model.eval()
        with torch.no_grad():
            for piece in _pieces(rows):
                self._loss(piece, score)
        return score

    def save_adapter(self, folder: Path) -> None:
        """As peft's own, whole or not at all."""
        making = folder.with_name(folder.name + ".part")
        shutil.rmtree(making, ignore_errors=True)
        self.model.save_pretrained(str(making))
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)

    def save_state(self, folder: Path, step: int, tokens: int) -> None:
        """All that is needed to go on from here; the last one only."""
        folder.mkdir(exist_ok=True)
        making = folder / f"{STATE}.part"
        torch.save(
            {
                "step": step,
                "tokens": tokens,
                "weights": get_peft_model_state_dict(self.model),
                "optimizer": self._optimizer.state_dict(),
            },
            making,
        )
        making.rename(folder / STATE)

    def load_state(self, folder: Path) -> tuple[int, int]:
        """Steps and tokens that were done; none, if there is no state."""
        if not (folder / STATE).exists():
            return 0, 0
        state = torch.load(folder / STATE, map_location=self._device, weights_only=True)
        set_peft_model_state_dict(self.model, state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        return state["step"], state["tokens"]

    def _loss(self, rows: Sequence[Row], score: Score) -> torch.Tensor:
        """Summed over the rows' tokens to be learned; the head computes those alone."""
        ids, mask, wanted = _padded(rows)
        ids, mask, wanted = (each.to(self._device) for each in (ids, mask, wanted))
        hidden = self._causal.model(input_ids=ids, attention_mask=mask).last_hidden_state
        target = wanted[:, 1:]
        chosen = target != IGNORED
        logits = self._causal.lm_head(hidden[:, :-1][chosen]).float()
        loss = F.cross_entropy(logits, target[chosen], reduction="sum")
        right = int((logits.argmax(-1) == target[chosen]).sum())
        score.add(float(loss.detach()), right, int(chosen.sum()))
        return loss


def is_a_number(score: Score) -> bool:
    return math.isfinite(score.loss)


def _pieces(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows of similar length together, as many as are computed at once."""
    piece: list[Row] = []
    for row in sorted(rows, key=lambda row: len(row.tokens)):
        if piece and len(row.tokens) * (len(piece) + 1) > MICRO_TOKENS:
            yield piece
            piece = []
        piece.append(row)
    yield piece


def _padded(rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(row.tokens) for row in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    wanted = torch.full((len(rows), longest), IGNORED)
    for place, row in enumerate(rows):
        ids[place, : len(row.tokens)] = torch.tensor(row.tokens)
        mask[place, : len(row.tokens)] = 1
        learned = torch.tensor(row.learned)
        wanted[place, learned] = ids[place, learned]
    return ids, mask, wanted
