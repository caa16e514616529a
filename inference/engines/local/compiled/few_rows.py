"""Steps of decoding rows by compiled code, for the models that it knows."""

import os
from collections.abc import Sequence as Rows
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by

from inference.engines.local.compiled import few_adapters, layout, step
from inference.engines.local.compiled.kinds import KINDS, prepare
from inference.engines.local.compiled.pieces import BLOCK
from inference.engines.local.kv import SlotCache
from inference.engines.local.packed import Parts
from inference.engines.local.packed_layers import Layer
from inference.engines.local.sequences import Sequence

# Threads of our own: OpenMP is not everywhere, and makes a step wait for whoever comes late.
HELPERS = ThreadPoolExecutor(os.cpu_count(), "few-rows")
PIECES = 4  # of a product, for each thread


def can(parts: Parts, cache: SlotCache) -> bool:
    """Whether the compiled code knows all that this model does."""
    if cache.device.type != "cpu" or cache.dtype not in KINDS or parts.softcap is not None:
        return False
    layer = parts.layers[0]
    products = layer.qkv, layer.out, layer.gate_up, layer.down, parts.output
    whole = not any(linear.plain.shape[0] % (2 * BLOCK) for linear in products)
    return whole and all(_is_plain(each) for each in parts.layers)


class FewRows:
    """Used by the loop's thread alone. Everything that addresses point to is kept by `parts`,
    `cache` and this."""

    def __init__(self, parts: Parts, cache: SlotCache) -> None:
        """Takes seconds, and may run beside steps. Raises NotMade."""
        prepare(cache.dtype)
        self._parts, self._cache = parts, cache
        self._qkv_biases = [
            None if layer.qkv.bias is None else layer.qkv.bias.float() for layer in parts.layers
        ]
        self._frequencies = parts.rotary.inv_freq.float().contiguous()
        self._model = self._read()
        self._adapters = few_adapters.FewAdapters(parts.layers)
        model = self._model
        joint = (model.heads + 2 * model.kv_heads) * model.width
        found = model.heads * model.width
        narrow = len(layout.PARTS) * layout.MOST_NARROW
        inner = 2 * model.inner, model.inner
        sizes = model.hidden, joint, found, *inner, narrow, model.vocabulary
        self._rooms = {
            name: torch.empty(cache.slots, size)  # takes no memory until so many rows write there
            for name, size in zip(layout.ROOMS, sizes, strict=True)
        }
        self._places_of_rooms = {name: room.data_ptr() for name, room in self._rooms.items()}
        numbers = layout.scratch_numbers(model, cache.slots)
        self._scratch = torch.empty(torch.get_num_threads(), numbers)

    def can(self, decoding: Rows[Sequence]) -> bool:
        """Whether there are any, and their adapters known."""
        return bool(decoding) and all(few_adapters.can(row.submission.adapter) for row in decoding)

    def logits(self, decoding: Rows[Sequence]) -> torch.Tensor:
        """`[rows, vocabulary]`, good until the next call."""
        rows = np.array([(row.last_token, row.length, row.slot) for row in decoding], np.int64)
        ranks, adapters = self._adapters.told([row.submission.adapter for row in decoding])
        marks = np.zeros(layout.marks(self._model), np.int64)  # not last step's: see `compute`
        threads = len(self._scratch)
        work = layout.Work(
            rows,
            ranks,
            adapters,
            marks,
            scratch=self._scratch.data_ptr(),
            bytes=self._scratch.stride(0) * 4,
            pieces=PIECES * threads,
            **self._places_of_rooms,
        )
        for thread in range(1, threads):
            HELPERS.submit(step.compute, self._model, work, thread)
        step.compute(self._model, work, 0)
        return self._rooms["logits"][: len(decoding)]

    def _read(self) -> layout.Model:
        parts, cache = self._parts, self._cache
        first = parts.layers[0]
        return layout.Model(
            like=np.zeros(1, KINDS[cache.dtype]),
            layers=np.array([self._places(n) for n in range(len(parts.layers))], np.int64),
            embed=parts.embed.weight.data_ptr(),
            norm=parts.norm.weight.data_ptr(),
            output=parts.output.plain.data_ptr(),
            frequencies=self._frequencies.data_ptr(),
            eps=float(parts.norm.eps),
            scaling=first.head.scaling,
            stretch=float(parts.rotary.attention_scaling),
            hidden=first.down.plain.shape[0],
            heads=parts.heads,
            kv_heads=cache.heads,
            width=cache.layer(0)[0].shape[-1],
            inner=first.down.plain.shape[1],
            vocabulary=parts.output.plain.shape[0],
            context=cache.context,
        )

    def _places(self, number: int) -> list[int]:
        """Of a layer, in the order of `layout`'s columns."""
        layer, bias = self._parts.layers[number], self._qkv_biases[number]
        keys, values = self._cache.layer(number)
        return [
            layer.before_attention.weight.data_ptr(),
            layer.qkv.plain.data_ptr(),
            0 if bias is None else bias.data_ptr(),
            0 if layer.qk_norm is None else layer.qk_norm.weight.data_ptr(),
            layer.out.plain.data_ptr(),
            layer.before_mlp.weight.data_ptr(),
            layer.gate_up.plain.data_ptr(),
            layer.down.plain.data_ptr(),
            keys.data_ptr(),
            values.data_ptr(),
            layer.head.window or 0,
        ]


def _is_plain(layer: Layer) -> bool:
    head = layer.head
    more = layer.after_attention, layer.after_mlp, head.softcap, head.kind
    biases = layer.out.bias, layer.gate_up.bias, layer.down.bias
    if any(each is not None for each in (*more, *biases)):
        return False
    values = torch.linspace(-4, 4, 9)
    return torch.equal(layer.activation(values), F.silu(values))
