"""Trains the built-in model: python -m inference.builtin.train --minutes 88 --out DIR."""

import argparse
import copy
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from inference.builtin import packing, tokenizer
from inference.builtin.corpus.conversations import documents
from inference.builtin.muon import Muon

SEED = 20_260
TOKENS_PER_STEP = 4_096
PEAK_RATE, LAST_RATE = 4e-3, 1e-4
WARM_UP_STEPS = 100
DECAY_FROM = 0.55  # the share of the time after which the learning rate falls
DRILL_FROM, DRILL = 0.43, 0.4  # when drills begin, and their share of the documents from then on
AVERAGING = 0.998  # of the weights over the steps, for what is written on the way
# Written logits are twice the learned ones: greedy answers stay the same to the bit, and whoever
# samples at the usual temperature of 1 gets what 0.5 would give. A model this small needs that.
SHARPENING = 2.0
SAVE_EVERY_S = 240.0


@dataclass
class Progress:
    """How far training has come, over all its runs."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0


class Training:
    """A model on its way: weights, their average, optimisers, and the endless batches."""

    def __init__(self, out: Path, minutes: float, compiled: bool) -> None:
        torch.manual_seed(SEED)
        self.out, self.budget_s = out, minutes * 60
        self.progress = Progress()
        self.tokenizer = _tokenizer()
        self.model = LlamaForCausalLM(configuration(self.tokenizer))
        self.average = copy.deepcopy(self.model)
        matrices = [each for each in self.model.model.layers.parameters() if each.ndim > 1]
        others = [each for each in self.model.parameters() if all(each is not m for m in matrices)]
        self.optimisers: list[torch.optim.Optimizer] = [
            Muon(matrices, weight_decay=0.05),
            torch.optim.AdamW(others, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
        ]
        self.run = torch.compile(self.model.model, dynamic=False) if compiled else self.model.model

    def go(self) -> None:
        """Trains until the time is spent, saving now and then and at the end."""
        started = saved = time.monotonic()
        before = self.progress.seconds
        for batch in self._batches():
            self._set_rate()
            loss = self._step(batch)
            now = time.monotonic()
            self.progress.seconds = before + now - started
            if self.progress.step % 50 == 0:
                _say(f"step {self.progress.step} loss {loss:.4f} {self.progress.seconds:.0f} s")
            done = self._done() >= 1
            if done or now - saved > SAVE_EVERY_S:
                self.save()
                saved = now
            if done:
                break

    def _batches(self) -> Iterator[packing.Batch]:
        """Batches of the mix that this time of training wants; each stretch has its own seed."""
        while True:
            drilling = self._done() >= DRILL_FROM
            seed, share = f"{SEED}/{self.progress.step}", DRILL if drilling else 0.0
            for batch in packing.batches(self.tokenizer, seed, TOKENS_PER_STEP, share):
                yield batch
                if not drilling and self._done() >= DRILL_FROM:
                    break

    def _done(self) -> float:
        return self.progress.seconds / self.budget_s

    def _set_rate(self) -> None:
        fall = min(1.0, max(0.0, (1 - self._done()) / (1 - DECAY_FROM)))
        warm = min(1.0, (self.progress.step + 1) / WARM_UP_STEPS)
        for group in itertools.chain.from_iterable(each.param_groups for each in self.optimisers):
            group["lr"] = warm * (LAST_RATE + (PEAK_RATE - LAST_RATE) * fall)

    def _step(self, batch: packing.Batch) -> float:
        """One update on what the assistant says; loss per learned token."""
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.run(
                input_ids=batch.tokens, attention_mask=batch.attention(), use_cache=False
            ).last_hidden_state
            logits = self.model.lm_head(hidden[:, :-1][batch.learned[:, 1:]])
        loss = nn.functional.cross_entropy(
            logits.float(), batch.tokens[:, 1:][batch.learned[:, 1:]]
        )
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        self.progress.step += 1
        self._follow()
        self.progress.tokens += batch.tokens.numel()
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        """The average takes a step towards the weights, long ones at first."""
        share = max(1 - AVERAGING, 1 / (1 + self.progress.step / 10))
        for kept, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
            kept.lerp_(now, share)

    def save(self) -> None:
        """Writes a model folder, and what a later run needs to go on.

        The average is better while the rate is high; at the end, when it is low, half of both is.
        """
        write(self._half() if self._done() >= 1 else self.average, self.tokenizer, self.out)
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [each.state_dict() for each in self.optimisers],
            "progress": vars(self.progress),
        }
        torch.save(state, self.out / "state.pt")
        _say(f"saved {self.out}: {self.progress}")

    @torch.no_grad()
    def _half(self) -> nn.Module:
        """Between the newest weights and their average."""
        half = copy.deepcopy(self.average)
        for kept, now in zip(half.parameters(), self.model.parameters(), strict=True):
            kept.lerp_(now, 0.5)
        return half

    def resume(self) -> None:
        """Goes on from what `save` wrote."""
        state = torch.load(self.out / "state.pt", weights_only=True)
        self.tokenizer = tokenizer.read(self.out)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        self.progress = Progress(**state["progress"])


def configuration(tokens: PreTrainedTokenizerFast) -> LlamaConfig:
    """The shape of the model: 2.8 million parameters."""
    return LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=tokenizer.CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokens.convert_tokens_to_ids(tokenizer.END),
        pad_token_id=tokens.pad_token_id,
    )


def write(model: nn.Module, tokens: PreTrainedTokenizerFast, out: Path) -> None:
    """The model folder: weights in bfloat16, configuration, tokenizer with template, checksums."""
    kept = LlamaForCausalLM(configuration(tokens)).bfloat16()
    kept.load_state_dict(model.state_dict())
    kept.model.norm.weight.data.mul_(SHARPENING)
    ends = tokens.convert_tokens_to_ids([tokenizer.END, tokenizer.END_OF_TEXT])
    kept.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        eos_token_id=ends, pad_token_id=tokens.pad_token_id, do_sample=False
    )
    kept.save_pretrained(out)
    tokens.save_pretrained(out, save_jinja_files=False)
    names = sorted(each.name for each in out.iterdir() if each.suffix in {".json", ".safetensors"})
    sums = (f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (out / "SHA256SUMS").write_text("".join(sums))


def _tokenizer() -> PreTrainedTokenizerFast:
    drawn = itertools.islice(documents("tokenizer"), 12_000)
    return tokenizer.make([packing.rendered(each) for each in drawn])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True, help="of training, over all runs")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="go on from what is in the folder")
    parser.add_argument("--no-compile", action="store_true", help="where there is no C++ compiler")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    training = Training(chosen.out, chosen.minutes, compiled=not chosen.no_compile)
    if chosen.resume:
        training.resume()
    _say(json.dumps({"parameters": sum(p.numel() for p in training.model.parameters())}))
    training.go()


if __name__ == "__main__":
    main()
