"""Safetensors headers are read without trust: what does not add up is refused."""

import json
import struct
from pathlib import Path

import pytest

from inference import weights
from inference.weights import BadWeights
from tests.catalog.folders import TENSORS, safetensors, with_header


def refusal(folder: Path, content: bytes) -> str:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(BadWeights) as refused:
        weights.read(folder)
    return str(refused.value)


def tensor(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_the_shapes_are_read_and_counted(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors({"a": [2, 3], "b": [4]}))

    found = weights.read(tmp_path)

    assert found.parameters == 10
    assert found.tensors["a"].shape == [2, 3]


def test_half_precision_is_served(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors({"a": [3]}, "BF16", 2))

    assert weights.read(tmp_path).parameters == 3


@pytest.mark.parametrize("cut", [0, 7, 20, -1])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, cut: int) -> None:
    assert "damaged" in refusal(tmp_path, safetensors(TENSORS)[:cut])


def test_bytes_beyond_the_last_tensor_are_refused(tmp_path: Path) -> None:
    assert "its header says" in refusal(tmp_path, safetensors(TENSORS) + b"more")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (struct.pack("<Q", 2**60) + b"{}", "header length makes no sense"),
        (struct.pack("<Q", 2) + b"[]", "header cannot be read"),
        (struct.pack("<Q", 4) + b"{{{{", "header cannot be read"),
        (with_header({"a": {"dtype": "F32"}}, b""), "header cannot be read"),
        (with_header({"a": tensor(0, 4, [1]) | {"x": 1}}, bytes(4)), "header cannot be read"),
        (with_header({"a": tensor(0, 4, [-1])}, bytes(4)), "header cannot be read"),
        (with_header({"a": tensor(0, 8, [1])}, bytes(8)), "the bytes of a"),
        (with_header({"a": tensor(4, 8, [1])}, bytes(8)), "the bytes of a"),
        (with_header({"a": tensor(0, 4, [1]), "b": tensor(0, 4, [1])}, bytes(4)), "bytes of b"),
        (with_header({"a": tensor(0, 2**62, [2**60])}, bytes(8)), "its header says"),
        (with_header({"a": tensor(0, 1, [1], "F8_E4M3")}, b"0"), "F8_E4M3"),
        (with_header({"a": tensor(0, 1, [1], "U8")}, b"0"), "U8"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    assert reason in refusal(tmp_path, content)


def shard(folder: Path, weight_map: dict[str, str]) -> None:
    index = json.dumps({"metadata": {}, "weight_map": weight_map})
    (folder / weights.INDEX).write_text(index)


def test_shards_are_read_together(tmp_path: Path) -> None:
    shard(tmp_path, {"a": "one.safetensors", "b": "two.safetensors"})
    (tmp_path / "one.safetensors").write_bytes(safetensors({"a": [2]}))
    (tmp_path / "two.safetensors").write_bytes(safetensors({"b": [3]}))

    assert weights.read(tmp_path).parameters == 5


def test_a_tensor_in_two_shards_is_refused(tmp_path: Path) -> None:
    shard(tmp_path, {"a": "one.safetensors", "b": "two.safetensors"})
    (tmp_path / "one.safetensors").write_bytes(safetensors({"a": [2]}))
    (tmp_path / "two.safetensors").write_bytes(safetensors({"a": [2]}))

    with pytest.raises(BadWeights, match="repeats the tensor a"):
        weights.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../outside.safetensors", "no safetensors file beside it"),
        ("/etc/passwd.safetensors", "no safetensors file beside it"),
        (".hidden.safetensors", "no safetensors file beside it"),
        ("model.bin", "no safetensors file beside it"),
        ("absent.safetensors", "absent.safetensors is missing"),
    ],
)
def test_an_index_names_only_safetensors_beside_it(tmp_path: Path, name: str, reason: str) -> None:
    shard(tmp_path, {"a": name})

    with pytest.raises(BadWeights, match=reason):
        weights.read(tmp_path)


@pytest.mark.parametrize("index", [b"", b"[]", b"{}", b'{"weight_map": {}}'])
def test_an_unreadable_index_is_refused(tmp_path: Path, index: bytes) -> None:
    (tmp_path / weights.INDEX).write_bytes(index)

    with pytest.raises(BadWeights, match="index"):
        weights.read(tmp_path)
