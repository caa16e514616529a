"""Which card an engine computes on: the first that CUDA shows it, so its own variable chooses."""

import pytest
import torch

from inference.engines.local import loading


@pytest.mark.parametrize(("there", "kind"), [(True, "cuda"), (False, "cpu")])
def test_it_is_the_first_that_is_seen_and_none_is_asked_for_by_number(
    there: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert loading.device() == torch.device(kind)
    assert loading.device().index is None
