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


class Done(NamedTuple):
    operation: Callable[..., object]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __call__(self) -> object:
        return self.operation(*self.args, **self.kwargs)


class Recorder:
    """Turns a computation into its replay, as `graphs.OnCuda` does."""

    def __init__(self) -> None:
        self.recorded = 0

    def __call__(self, compute: Compute) -> Compute:
        self.recorded += 1
        compute()  # warms up
        with _Recording() as seen:
            output = compute()

        def replay() -> torch.Tensor:
            for done, made in seen.done:
                _repeat(done, made)
            return output

        return replay


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Sees every operation of torch's while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the same

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        done = Done(func, args, kwargs or {})
        return self.see(str(getattr(func, "_schema", func)).partition("(")[0], done)

    def see(self, name: str, done: Done) -> object:
        """Does it, or not; `name` as in "aten::add.Tensor"."""
        raise NotImplementedError


class Recordable(Watch):  # type: ignore[no-untyped-call]  # the same
    """Refuses what waits for the device, comes from the host or has shapes of its own."""

    def see(self, name: str, done: Done) -> object:
        if name in FORBIDDEN or name.partition(".")[0] in FORBIDDEN:
            raise NotRecordable(name)
        indexes = tensors(done.args[1:]) if name.startswith("aten::index") else []
        if any(each.dtype == torch.bool for each in indexes):
            raise NotRecordable(f"{name} by truth values")
        return done()


class _Recording(Recordable):  # type: ignore[no-untyped-call]  # the same
    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Done, list[torch.Tensor]]] = []

    def see(self, name: str, done: Done) -> object:
        result = super().see(name, done)
        self.done.append((done, tensors(result)))
        return result


def _repeat(done: Done, made: list[torch.Tensor]) -> None:
    for kept, new in zip(made, tensors(done()), strict=True):
        if kept.data_ptr() != new.data_ptr():
            kept.copy_(new)


def tensors(tree: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
