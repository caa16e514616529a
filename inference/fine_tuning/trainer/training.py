"""The course of a training: its steps in order, what is told of them, and where it can go on."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from inference.fine_tuning.trainer.examples import Row
from inference.fine_tuning.trainer.lora import Lora, Score, is_a_number
from inference.fine_tuning.trainer.spec import (
    ADAPTER,
    CHECKPOINTS,
    STATE,
    Plan,
    Refused,
    Spec,
)
from inference.fine_tuning.trainer.talk import Talk

MOST_TOLD: Final = 200  # steps of a training that have a row of their own
VALIDATIONS: Final = 10
VALIDATION_ROWS, ALL_VALIDATION_ROWS = 100, 1_000
SHOWN_EPOCHS: Final = 3  # the last ones, whose adapters are kept


class Training:
    """`run` ends with an adapter, or with a state to go on from when it was told to stop."""

    def __init__(
        self, folder: Path, spec: Spec, plan: Plan, rows: Sequence[Row], validation: Sequence[Row]
    ) -> None:
        self._folder = folder
        self._spec = spec
        self._plan = plan
        self._rows = rows
        self._validation = validation[:ALL_VALIDATION_ROWS]
        self._lora = Lora(spec, plan.learning_rate_multiplier)
        self._step, self._tokens = self._lora.load_state(folder / STATE)
        self._saved = time.monotonic()

    def run(self, talk: Talk) -> None:
        """Raises Refused when the loss is no number any more."""
        talk.tell("started", step=self._step, tokens=self._tokens)
        if self._step == 0 and self._validation:  # what the base itself knows
            talk.tell("step", step=0, tokens=0, metrics=self._validated())
        while self._step < self._plan.steps:
            if talk.is_to_stop:
                self._save()
                talk.tell("stopped", step=self._step, tokens=self._tokens)
                return
            self._advance(talk)
        self._lora.save_adapter(self._folder / ADAPTER)
        self._save()
        talk.tell("done", step=self._step, tokens=self._tokens)

    def _advance(self, talk: Talk) -> None:
        rows = self._batch()
        score = self._lora.learn(rows, self._step / self._plan.steps)
        if not is_a_number(score):
            raise Refused(
                "training_diverged",
                "The loss is no longer a number. Try a smaller learning_rate_multiplier.",
                "hyperparameters",
            )
        self._step += 1
        self._tokens += sum(len(row.tokens) for row in rows)
        metrics = self._metrics(score)
        if "valid_loss" in metrics or self._every(MOST_TOLD):
            talk.tell("step", step=self._step, tokens=self._tokens, metrics=metrics)
        if self._step % self._plan.steps_each == 0:
            self._end_epoch(talk, metrics)
        elif time.monotonic() - self._saved > self._spec.state_seconds:
            self._save()

    def _batch(self) -> list[Row]:
        """The order depends on seed and epoch alone, so a training that goes on has the same."""
        epoch, place = divmod(self._step, self._plan.steps_each)
        chance = torch.Generator().manual_seed(self._spec.seed * 1_000 + epoch)
        order = torch.randperm(len(self._rows), generator=chance).tolist()
        size = self._plan.batch_size
        return [self._rows[at] for at in order[place * size : (place + 1) * size]]

    def _metrics(self, score: Score) -> dict[str, float]:
        loss, accuracy = score.facts
        metrics = {
            "train_loss": round(loss, 6),
            "train_mean_token_accuracy": round(accuracy, 6),
        }
        if self._validation and self._every(VALIDATIONS):
            metrics |= self._validated()
        return metrics

    def _validated(self) -> dict[str, float]:
        loss, accuracy = self._lora.judge(self._validation[:VALIDATION_ROWS]).facts
        return {"valid_loss": round(loss, 6), "valid_mean_token_accuracy": round(accuracy, 6)}

    def _every(self, parts: int) -> bool:
        """Is this one of so many steps, evenly spread, the last among them?"""
        steps = self._plan.steps
        return self._step * parts // steps > (self._step - 1) * parts // steps

    def _end_epoch(self, talk: Talk, metrics: dict[str, float]) -> None:
        self._save()
        epoch = self._step // self._plan.steps_each
        if epoch <= self._plan.n_epochs - SHOWN_EPOCHS:
            return
        facts: dict[str, Any] = dict(metrics)
        if self._validation:
            loss, accuracy = self._lora.judge(self._validation).facts
            facts |= {
                "full_valid_loss": round(loss, 6),
                "full_valid_mean_token_accuracy": round(accuracy, 6),
            }
        if self._step < self._plan.steps:  # the last one is the adapter itself
            place = self._folder / CHECKPOINTS
            place.mkdir(exist_ok=True)
            self._lora.save_adapter(place / str(self._step))
        talk.tell("checkpoint", step=self._step, tokens=self._tokens, metrics=facts)

    def _save(self) -> None:
        self._lora.save_state(self._folder / STATE, self._step, self._tokens)
        self._saved = time.monotonic()
