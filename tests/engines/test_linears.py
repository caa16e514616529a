"""Joint projections say what the model's own layers say, however they are laid out in memory."""

import copy
from typing import Any

import pytest
import torch

from inference.engines.local import linears
from inference.engines.local.runner import FILLED_TO
from tests.engines.small_models import Desk, reference

BIASED = "qwen2"


def modules() -> dict[str, torch.nn.Linear]:
    inner: Any = copy.deepcopy(reference(BIASED)).base_model
    attention = inner.layers[0].self_attn
    return {name: getattr(attention, name) for name in ("q_proj", "k_proj", "v_proj")}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("rows", [1, 7, 200])
def test_every_part_is_what_its_layer_says(rows: int, packed: bool) -> None:
    mine, inputs = modules(), torch.randn(rows, 48)
    joint = linears.joined(mine, packed=packed)
    output = joint(inputs)
    for part, module in zip(joint.parts, mine.values(), strict=True):
        assert torch.allclose(output[:, part.columns], module(inputs), atol=1e-5)
    base = torch.randn(output.shape)
    assert torch.allclose(joint.added_to(base.clone(), inputs), base + output, atol=1e-5)


def test_without_packing_nothing_is_kept_twice() -> None:
    mine = modules()
    joint = linears.joined(mine, packed=False)
    first, last = mine["q_proj"].weight, mine["v_proj"].weight
    assert joint.weight.data_ptr() == first.data_ptr()
    assert joint.weight[-1, -1].data_ptr() == last[-1, -1].data_ptr()


def test_weights_are_packed_only_where_a_copy_of_them_has_room() -> None:
    weights = [torch.zeros(10, 10), torch.zeros(5, 10)]
    assert linears.can_pack(weights, room=600)
    assert not linears.can_pack(weights, room=599)
    assert not linears.can_pack([weights[0].half()], room=10_000)
    assert not linears.can_pack([weights[0].to("meta")], room=10_000)


@pytest.mark.parametrize("shape", ["llama", BIASED, "qwen3_all_heads_tied", "gemma2"])
def test_both_layouts_give_the_same_answers(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = Desk(shape)
    monkeypatch.setattr(linears, "can_pack", lambda *_: False)
    plain = Desk(shape)
    assert packed.runner._packed._output.packed
    assert not plain.runner._packed._output.packed
    prompt = [n * 7 % 150 for n in range(90)]
    assert packed.complete(prompt) == plain.complete(prompt)


def test_steps_with_prompts_have_few_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product is made ready for each number of rows that it meets, and stays in memory."""
    desk = Desk(step_tokens=512)
    sizes: list[int] = []
    logits = desk.runner._packed.logits

    def noted(tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        sizes.append(len(tokens))
        return logits(tokens, *rest)

    monkeypatch.setattr(desk.runner._packed, "logits", noted)
    for length in (3, 16, 21):
        desk.submit([1] * length)
        desk.step()
    assert sizes == [FILLED_TO, FILLED_TO, 2 * FILLED_TO]
