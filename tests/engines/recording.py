"""A recorder with the rules of a GPU's: what a graph could not record is refused, and playing does
the recorded operations once more, on the same memory, with none of the Python around them."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from inference.engines.local.graphs import Compute

# These wait for the device, come from the host, or have shapes that depend on numbers.
FORBIDDEN = {
    "aten::_local_scalar_dense",
    "aten::item",
    "aten::is_nonzero",
    "aten::equal",
    "aten::lift_fresh",
    "aten::nonzero",
    "aten::masked_select",
    "aten::repeat_interleave.Tensor",
    "aten::_unique2",
    "aten::bincount",
}


class NotRecordable(AssertionError):
    """A graph on a GPU could not hold this."""


class _Done(NamedTuple):
    operation: Callable[..., object]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: list[torch.Tensor]


class Recorder:
    """Turns a computation into its replay, as `graphs.OnCuda` does."""

    def __init__(self) -> None:
        self.recorded = 0

    def __call__(self, compute: Compute) -> Compute:
        self.recorded += 1
        compute()  # warms up
        with _Watch() as watch:
            output = compute()

        def replay() -> torch.Tensor:
            for done in watch.done:
                _repeat(done)
            return output

        return replay


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the same
        self.done: list[_Done] = []

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        _check(func, args)
        result = func(*args, **(kwargs or {}))
        self.done.append(_Done(func, args, kwargs or {}, _tensors(result)))
        return result


def _check(func: Callable[..., object], args: tuple[Any, ...]) -> None:
    name = str(getattr(func, "_schema", func)).partition("(")[0]
    if name in FORBIDDEN or name.partition(".")[0] in FORBIDDEN:
        raise NotRecordable(name)
    indexes = _tensors(args[1:]) if name.startswith("aten::index") else []
    if any(each.dtype == torch.bool for each in indexes):
        raise NotRecordable(f"{name} by truth values")


def _repeat(done: _Done) -> None:
    again = _tensors(done.operation(*done.args, **done.kwargs))
    for kept, new in zip(done.made, again, strict=True):
        if kept.data_ptr() != new.data_ptr():
            kept.copy_(new)


def _tensors(tree: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
