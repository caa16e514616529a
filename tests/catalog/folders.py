"""Tiny model folders, right in every way but the one that a test changes."""

import json
import math
import struct
from pathlib import Path
from typing import Any

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 32,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 128,
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
}
TENSORS = {"model.embed_tokens.weight": [32, 8], "model.layers.0.mlp.up_proj.weight": [16, 8]}
PARAMETERS = 32 * 8 + 16 * 8


def model_files(config: dict[str, Any] | None = None) -> dict[str, bytes]:
    """File name → content of a small Llama; a config value of "absent" removes the key."""
    changed = {
        name: value for name, value in (CONFIG | (config or {})).items() if value != "absent"
    }
    return {
        "config.json": json.dumps(changed).encode(),
        "tokenizer.json": b'{"version": "1.0"}',
        "tokenizer_config.json": b'{"chat_template": "{{ messages }}"}',
        "model.safetensors": safetensors(TENSORS),
    }


def write_model(folder: Path, config: dict[str, Any] | None = None, **files: bytes | None) -> Path:
    """A model folder; `files` (with `__` for dots) replaces contents, None leaves one out."""
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[str, bytes | None] = dict(model_files(config))
    contents |= {name.replace("__", "."): content for name, content in files.items()}
    for name, content in contents.items():
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def safetensors(tensors: dict[str, list[int]], dtype: str = "F32", width: int = 4) -> bytes:
    header, end = {}, 0
    for name, shape in tensors.items():
        begin, end = end, end + math.prod(shape) * width
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    return with_header(header, bytes(end))


def with_header(header: object, content: bytes) -> bytes:
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + content
