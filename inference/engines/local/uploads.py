"""Numbers of the host on their way to the model's device."""

from typing import Any

import torch


def upload(numbers: Any, device: torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
    """A list or array as a tensor there. To a GPU it goes in its turn, from memory that is pinned:
    the host does not wait for what the device still computes."""
    tensor = torch.as_tensor(numbers, dtype=dtype)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
