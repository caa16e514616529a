"""Unsafe and unsupported models are refused with the reason, and nothing of them is loaded."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference import vetting
from inference.vetting import ModelRefused
from tests.catalog.folders import PARAMETERS, write_model


def refusal(folder: Path) -> str:
    with pytest.raises(ModelRefused) as refused:
        vetting.vet(folder)
    return str(refused.value)


def test_a_sound_model_passes_and_is_described(tmp_path: Path) -> None:
    vetted = vetting.vet(write_model(tmp_path))

    assert vetted.architecture == "LlamaForCausalLM"
    assert vetted.context_window == 128
    assert vetted.parameters == PARAMETERS
    assert vetted.capabilities == ("chat", "completions", "embeddings")
    assert vetted.warnings == ()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "code that comes with the model (auto_map)"),
        ({"text_config": {"auto_map": {}}}, "auto_map"),
        ({"_attn_implementation_internal": "someone/kernel"}, "_attn_implementation_internal"),
        ({"attn_implementation": "someone/kernel"}, "attention kernel from elsewhere"),
        ({"deep": [[{"_experts_implementation_internal": "x"}]]}, "kernel from elsewhere"),
        ({"transformers_weights": "../other.safetensors"}, "transformers_weights"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantised"),
        ({"architectures": ["MambaForCausalLM"], "model_type": "mamba"}, "not supported"),
        ({"model_type": "qwen3"}, "model_type qwen3) is not supported"),
        ({"architectures": []}, "not supported"),
        ({"architectures": [["LlamaForCausalLM"]]}, "not supported"),
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "'dynamic'"),
        ({"rope_scaling": {"rope_type": "longrope"}}, "'longrope'"),
        ({"rope_parameters": {"rope_type": "dynamic"}}, "'dynamic'"),
        ({"rope_scaling": "surprise"}, "'surprise'"),
        ({"use_sliding_window": True, "sliding_window": 64}, "sliding windows"),
        ({"layer_types": ["sliding_attention"]}, "sliding windows"),
        ({"layer_types": ["linear_attention"]}, "['linear_attention']"),
        ({"layer_types": [["full_attention"]]}, "not supported"),
        ({"sliding_window": 0}, "sliding_window as a whole number above 0"),
        ({"sliding_window": "4096"}, "sliding_window as a whole number above 0"),
        ({"attn_logit_softcapping": -1.0}, "attn_logit_softcapping as a number above 0"),
        ({"use_bidirectional_attention": True}, "cannot generate"),
        ({"rope_parameters": {"sliding_attention": {"rope_type": "dynamic"}}}, "'dynamic'"),
        ({"max_position_embeddings": "absent"}, "max_position_embeddings as a whole number"),
        ({"max_position_embeddings": "128"}, "max_position_embeddings as a whole number"),
        ({"max_position_embeddings": True}, "max_position_embeddings as a whole number"),
        ({"max_position_embeddings": -1}, "max_position_embeddings as a whole number"),
        ({"max_position_embeddings": 10**12}, "max_position_embeddings as a whole number"),
        ({"vocab_size": 33}, "no model.embed_tokens.weight of the shape [33, 8]"),
        ({"num_hidden_layers": 2}, "do not have the 2 layers"),
        ({"tie_word_embeddings": False}, "no lm_head.weight"),
    ],
)
def test_a_config_that_is_unsafe_or_unsupported_is_refused(
    tmp_path: Path, config: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(write_model(tmp_path, config))


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": ["MistralForCausalLM"], "model_type": "mistral"},
        {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": 16},
        {
            "architectures": ["Gemma3ForCausalLM"],
            "model_type": "gemma3_text",
            "layer_types": ["sliding_attention"],
            "rope_parameters": {"sliding_attention": {"rope_type": "default"}},
            "query_pre_attn_scalar": 168,
        },
        {
            "architectures": ["Gemma2ForCausalLM"],
            "model_type": "gemma2",
            "attn_logit_softcapping": 50.0,
        },
    ],
)
def test_windows_and_caps_are_served_where_the_architecture_knows_them(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    assert vetting.vet(write_model(tmp_path, config))


@pytest.mark.parametrize("kind", sorted(vetting.STATIC_ROPE))
def test_rope_scaling_by_position_alone_is_served(tmp_path: Path, kind: str) -> None:
    assert vetting.vet(write_model(tmp_path, {"rope_scaling": {"rope_type": kind}}))


def test_code_in_a_tokenizer_or_generation_config_is_refused(tmp_path: Path) -> None:
    tokenizer = write_model(tmp_path / "a", tokenizer_config__json=b'{"auto_map": {}}')
    generation = write_model(tmp_path / "b", generation_config__json=b'{"custom_generate": "x"}')

    assert "auto_map" in refusal(tokenizer)
    assert "custom_generate" in refusal(generation)


def test_a_python_file_anywhere_in_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "sub").mkdir()
    (folder / "sub" / "modeling.py").write_text("import os")

    assert "sub/modeling.py is code" in refusal(folder)


def test_pickle_weights_are_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path, model__safetensors=None, pytorch_model__bin=b"\x80\x04.")

    assert "only pickle files (pytorch_model.bin)" in refusal(folder)


def test_a_link_out_of_the_folder_is_refused_and_one_within_is_not(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "same.json").symlink_to("config.json")
    assert vetting.vet(folder)

    (folder / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    assert "model.safetensors is a link that leaves the folder" in refusal(folder)


@pytest.mark.parametrize("target", ["nowhere", "loop"])
def test_a_link_to_nowhere_or_to_itself_is_refused(tmp_path: Path, target: str) -> None:
    folder = write_model(tmp_path)
    (folder / "loop").symlink_to(target)

    assert "loop is a link that leaves the folder" in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_missing_description_is_named(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path, **{name.replace(".", "__"): None})

    assert name in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"a": NaN'])
def test_a_description_that_is_no_json_object_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "config.json" in refusal(write_model(tmp_path, config__json=content))


def test_every_reason_is_given_at_once(tmp_path: Path) -> None:
    folder = write_model(tmp_path, {"quantization_config": {}, "rope_scaling": {"type": "dynamic"}})

    assert "quantised" in refusal(folder)
    assert "dynamic" in refusal(folder)


def test_without_a_chat_template_a_model_chats_not(tmp_path: Path) -> None:
    vetted = vetting.vet(write_model(tmp_path, tokenizer_config__json=b"{}"))

    assert vetted.capabilities == ("completions", "embeddings")
    assert "no chat template" in vetted.warnings[0]


def test_a_chat_template_may_be_a_file_of_its_own(tmp_path: Path) -> None:
    folder = write_model(tmp_path, tokenizer_config__json=None, chat_template__jinja=b"{{ x }}")

    assert vetting.vet(folder).capabilities == ("chat", "completions", "embeddings")


def test_vetting_loads_neither_torch_nor_django() -> None:
    loaded = "import sys, inference.vetting; print({'torch', 'django'} & sys.modules.keys())"

    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True)

    assert done.stdout == b"set()\n"
