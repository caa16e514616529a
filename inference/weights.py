"""Reads what safetensors files say of themselves, trusting nothing, loading no tensor.

Format: 8 bytes of header length (little-endian), a JSON header, then the tensors back to back
(https://github.com/huggingface/safetensors#format).
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
DTYPE_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
COUNTING = (".position_ids", ".token_type_ids")  # no weights: older encoders store them, as I64
MAX_HEADER_BYTES = 32 * 1024**2


class BadWeights(Exception):
    """The weights are missing, damaged, or in a form that is not served; says which and why."""


class Tensor(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    dtype: str
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=8)]
    data_offsets: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]

    @property
    def size(self) -> int:
        return math.prod(self.shape)


_HEADER = TypeAdapter(dict[str, object])
_TENSORS = TypeAdapter(dict[str, Tensor])


class _Index(BaseModel):
    weight_map: dict[str, str]


@dataclass(frozen=True)
class Weights:
    tensors: dict[str, Tensor]

    @property
    def parameters(self) -> int:
        return sum(tensor.size for tensor in self.tensors.values())


def read(folder: Path) -> Weights:
    """Every tensor of a model folder. Raises BadWeights."""
    tensors: dict[str, Tensor] = {}
    for name in file_names(folder):
        found = _header(folder / name)
        if twice := tensors.keys() & found.keys():
            raise BadWeights(f"{name} repeats the tensor {min(twice)} of another file.")
        tensors |= found
    return Weights(tensors)


def read_file(path: Path) -> Weights:
    """Every tensor of one file. Raises BadWeights."""
    return Weights(_header(path))


def file_names(folder: Path) -> list[str]:
    """The weight files that belong to the model: those of the index, else the single one."""
    if (index := folder / INDEX).is_file():
        return shards(index.read_bytes())
    if (folder / SINGLE).is_file():
        return [SINGLE]
    raise BadWeights(missing(path.name for path in folder.iterdir()))


def shards(index: bytes) -> list[str]:
    """The files that an index names, each a plain name beside it."""
    try:
        names = sorted(set(_Index.model_validate_json(index).weight_map.values()))
    except ValidationError as error:
        raise BadWeights(f"{INDEX} is damaged: it has no readable weight_map.") from error
    for name in names:
        if not name.endswith(".safetensors") or "/" in name or name.startswith("."):
            raise BadWeights(f"{INDEX} names {name!r}, which is no safetensors file beside it.")
    if not names:
        raise BadWeights(f"{INDEX} names no file.")
    return names


def missing(names: Iterable[str]) -> str:
    """Why a folder or repository with these files has no weights for us."""
    pickles = sorted(name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt")))
    if pickles:
        return (
            f"It has no {SINGLE}, only pickle files ({pickles[0]}), which can run code when they "
            "are opened. Use a safetensors version of the model."
        )
    return f"It has no {SINGLE} and no {INDEX}."


def _header(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise BadWeights(f"{path.name} is missing.")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        room = path.stat().st_size - 8
        if length > min(room, MAX_HEADER_BYTES):
            raise BadWeights(f"{path.name} is damaged: its header length makes no sense.")
        raw = file.read(length)
    try:
        header = _HEADER.validate_json(raw)
        header.pop("__metadata__", None)
        tensors = _TENSORS.validate_python(header)
    except ValidationError as error:
        raise BadWeights(f"{path.name} is damaged: its header cannot be read.") from error
    for reason in _contradictions(tensors, room - length):
        raise BadWeights(f"{path.name}: {reason}")
    return tensors


def _contradictions(tensors: dict[str, Tensor], room: int) -> Iterator[str]:
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].data_offsets):
        counts = tensor.dtype == "I64" and name.endswith(COUNTING)
        if not counts and tensor.dtype not in DTYPE_BYTES:
            yield f"the tensor {name} is {tensor.dtype}; served are {', '.join(DTYPE_BYTES)}."
            return
        if tensor.data_offsets != [end, end + tensor.size * DTYPE_BYTES.get(tensor.dtype, 8)]:
            yield f"damaged: the bytes of {name} do not follow from its shape and place."
            return
        end = tensor.data_offsets[1]
    if end != room:
        yield f"damaged: it holds {room} bytes of tensors, its header says {end}."
