"""What others left behind in a block is nobody's number."""

import pytest
import torch

from tests.engines.recording import Recorder
from tests.engines.small_models import GREEDY, Desk


@pytest.mark.parametrize("shape", ["llama", "mistral_window", "gemma2"])
@pytest.mark.parametrize("recorded", [False, True])
def test_blocks_that_hold_no_numbers_disturb_nobody(shape: str, recorded: bool) -> None:
    """Attention multiplies what it masks by zero, and zero times NaN is NaN."""
    desk = Desk(shape, slots=4, blocks=20, record=Recorder() if recorded else None)
    desk.runner.cache._store.fill_(torch.nan)
    prompts = [[1, 2, 3], [n * 7 % 150 for n in range(50)]]
    asked = [desk.submit(prompt, GREEDY, 30) for prompt in prompts]
    desk.run()
    assert not desk.errors
    plain = Desk(shape)
    assert [desk.tokens(each) for each in asked] == [
        plain.complete(prompt, max_tokens=30) for prompt in prompts
    ]
