"""Answers requests by llama.cpp, greedily: lines of JSON in, lines of JSON out.

Runs in an environment of its own (llama-cpp-python, gguf), so it knows nothing of this product.
"""

import ctypes
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from llama_cpp import llama_cpp as lib

CONTEXT = 256  # of each sequence
MOST = 8  # sequences at once
BATCH = 512
NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
    "input_layernorm.weight": "attn_norm.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}


def convert(folder: Path) -> Path:
    """Rows of queries and keys stay in their order: which numbers come out does not matter here."""
    config = json.loads((folder / "config.json").read_text())
    path = folder / "model.gguf"
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    for name, tensor in _tensors(folder / "model.safetensors"):
        writer.add_tensor(_name(name), tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tensors(path: Path) -> list[tuple[str, Any]]:
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    found = []
    for name, entry in header.items():
        if name != "__metadata__":
            start, stop = (8 + size + at for at in entry["data_offsets"])
            numbers = np.frombuffer(content[start:stop], dtype=np.float32)
            found.append((name, numbers.reshape(entry["shape"])))
    return found


def _name(name: str) -> str:
    if name.startswith("model.layers."):
        _, _, number, rest = name.split(".", 3)
        return f"blk.{number}.{NAMES[rest]}"
    return NAMES[name]


class Engine:
    def __init__(self, path: Path, threads: int) -> None:
        lib.llama_backend_init()
        self._model = lib.llama_model_load_from_file(
            str(path).encode(), lib.llama_model_default_params()
        )
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_seq_max = CONTEXT * MOST, MOST
        params.n_batch = params.n_ubatch = BATCH
        params.n_threads = params.n_threads_batch = threads
        self._context = lib.llama_init_from_model(self._model, params)
        self._memory = lib.llama_get_memory(self._context)
        self._width = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self._model))
        self._batch = lib.llama_batch_init(BATCH, 0, 1)

    def run(self, at_once: int, asks: list[tuple[list[int], int]]) -> tuple[float, float]:
        """Seconds in all, and the median to a request's first token."""
        began = time.perf_counter()
        waiting, running, firsts = list(reversed(asks)), dict[int, Row](), list[float]()
        while waiting or running:
            self._batch.n_tokens = 0
            for place, row in running.items():
                row.logits = self._add(row.token, row.position, place, wanted=True)
                row.position += 1
            for place in range(at_once):
                room = BATCH - self._batch.n_tokens
                if place not in running and waiting and len(waiting[-1][0]) <= room:
                    running[place] = self._begin(place, *waiting.pop())
            if lib.llama_decode(self._context, self._batch):
                raise RuntimeError("llama_decode failed")
            firsts += self._take(running)
        return time.perf_counter() - began, sorted(firsts)[len(firsts) // 2]

    def _begin(self, place: int, prompt: list[int], count: int) -> "Row":
        since, last = time.perf_counter(), len(prompt) - 1
        logits = 0
        for position, token in enumerate(prompt):
            logits = self._add(token, position, place, wanted=position == last)
        return Row(len(prompt), count, logits, since)

    def _add(self, token: int, position: int, place: int, *, wanted: bool) -> int:
        at: int = self._batch.n_tokens
        self._batch.token[at] = token
        self._batch.pos[at] = position
        self._batch.n_seq_id[at] = 1
        self._batch.seq_id[at][0] = place
        self._batch.logits[at] = wanted
        self._batch.n_tokens = at + 1
        return at

    def _take(self, running: "dict[int, Row]") -> list[float]:
        """Waits of those that got their first token."""
        firsts = []
        for place, row in list(running.items()):
            logits = lib.llama_get_logits_ith(self._context, row.logits)
            address = ctypes.cast(logits, ctypes.POINTER(ctypes.c_float))
            if row.token < 0:
                firsts.append(time.perf_counter() - row.since)
            row.token = int(np.ctypeslib.as_array(address, shape=(self._width,)).argmax())
            row.left -= 1
            if not row.left:
                lib.llama_memory_seq_rm(self._memory, place, -1, -1)
                del running[place]
        return firsts


@dataclass(slots=True)
class Row:
    """One running request: `logits` is where its own are in the batch."""

    position: int
    left: int
    logits: int
    since: float
    token: int = -1


def main() -> None:
    engine = Engine(convert(Path(sys.argv[1])), int(sys.argv[2]))
    for line in sys.stdin:
        print(json.dumps(engine.run(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
