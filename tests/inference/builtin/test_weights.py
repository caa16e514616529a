"""The shipped model folder is small, unchanged, and what an engine expects."""

import hashlib
import json

from inference import vetting
from tests.inference.builtin import asking

FILES = {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


def test_every_file_has_the_checksum_that_is_written_down() -> None:
    lines = (asking.WEIGHTS / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(sums) == FILES
    for name, digest in sums.items():
        assert hashlib.sha256((asking.WEIGHTS / name).read_bytes()).hexdigest() == digest, name


def test_the_folder_holds_nothing_else_and_at_most_12_megabytes() -> None:
    files = list(asking.WEIGHTS.iterdir())
    assert {each.name for each in files} == FILES | {"SHA256SUMS"}
    assert sum(each.stat().st_size for each in files) <= 12_000_000


def test_it_is_a_plain_llama_that_ends_a_turn_by_its_own_token() -> None:
    config = json.loads((asking.WEIGHTS / "config.json").read_text())
    generation = json.loads((asking.WEIGHTS / "generation_config.json").read_text())
    ends = asking.tokenizer().convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["max_position_embeddings"] == 2048
    assert generation["eos_token_id"] == ends
    assert generation["pad_token_id"] == asking.tokenizer().pad_token_id


def test_it_stops_by_itself_after_an_answer() -> None:
    assert len(asking.answers(["Hello!"])[0]) < 60


def test_it_passes_the_vetting_that_every_model_has_to_pass() -> None:
    vetted = vetting.vet(asking.WEIGHTS)
    assert vetted.context_window == 2048
    assert "chat" in vetted.capabilities
