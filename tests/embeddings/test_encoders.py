"""Encoders and classifiers in the engine: the numbers of transformers' own forward, always."""

import json
import random
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from inference import vetting
from inference.engines.base import ContextTooLong, InvalidGeneration
from inference.engines.local.embedding.loading import LoadedEncoder, load
from inference.engines.local.embedding.queue import Job, TextQueue
from inference.engines.local.loading import LoadingFailed, LoadOptions
from tests.embeddings.encoder_folders import (
    CONFIGS,
    make_classifier,
    make_encoder,
    sentence_files,
)

TEXTS = [
    "hello world",
    "the quick brown fox says hello to the world, again and again!",
    "tea",
    "of teas and foxes",
    "hello [SEP] world",
]
CLOSE = 1e-5


def numbers(model: LoadedEncoder, texts: Sequence[str]) -> torch.Tensor:
    """All at once, through the queue."""
    queue, told = TextQueue(model.texts.model), list[Job]()
    queue.add(Job(model.texts.tokens.tokenise(texts), "", told.append))
    while queue:
        queue.work()
    (job,) = told
    assert job.error is None
    assert job.numbers is not None
    return job.numbers


def hidden(folder: Path, text: str) -> torch.Tensor:
    """What transformers itself computes of one text, `[tokens, width]`."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        read = tokenizer(text, return_tensors="pt", split_special_tokens=True)
        read.pop("token_type_ids", None)
        states: torch.Tensor = model(**read).last_hidden_state[0]
    return states


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_an_encoder_makes_the_mean_of_transformers_own_vectors(tmp_path: Path, kind: str) -> None:
    folder = make_encoder(tmp_path / kind, kind)
    vetted = vetting.vet(folder)
    assert vetted.capabilities == ("embeddings",)
    made = numbers(load(LoadOptions(folder)), TEXTS)
    for text, vector in zip(TEXTS, made, strict=True):
        wanted = F.normalize(hidden(folder, text).mean(0), dim=0)
        assert torch.allclose(vector, wanted, atol=CLOSE), (kind, text)


def test_a_checkpoint_with_a_language_head_serves_its_encoder(tmp_path: Path) -> None:
    folder = make_encoder(tmp_path, "bert", masked=True)
    assert vetting.vet(folder).architecture == "BertForMaskedLM"
    (vector,) = numbers(load(LoadOptions(folder)), TEXTS[:1])
    wanted = F.normalize(hidden(folder, TEXTS[0]).mean(0), dim=0)
    assert torch.allclose(vector, wanted, atol=CLOSE)


@pytest.mark.parametrize(
    ("mode", "pooled"),
    [
        ("pooling_mode_mean_tokens", lambda states: states.mean(0)),
        ("pooling_mode_cls_token", lambda states: states[0]),
        ("pooling_mode_max_tokens", lambda states: states.amax(0)),
        ("pooling_mode_lasttoken", lambda states: states[-1]),
    ],
)
@pytest.mark.parametrize("normalised", [True, False])
def test_pooling_is_what_the_folder_says(
    tmp_path: Path, mode: str, pooled: Any, normalised: bool
) -> None:
    files: dict[str, Any] = sentence_files(mode, *(["Normalize"] if normalised else []))
    folder = make_encoder(tmp_path, **files)
    made = numbers(load(LoadOptions(folder)), TEXTS)
    for text, vector in zip(TEXTS, made, strict=True):
        wanted = pooled(hidden(folder, text))
        wanted = F.normalize(wanted, dim=0) if normalised else wanted
        assert torch.allclose(vector, wanted, atol=CLOSE), text


def test_a_text_is_the_same_alone_and_in_any_company(tmp_path: Path) -> None:
    model = load(LoadOptions(make_encoder(tmp_path)))
    many = [" ".join(random.Random(n).choices(TEXTS[1].split(), k=n % 12 + 1)) for n in range(90)]
    together = numbers(model, many)
    for place in (0, 11, 44, 89):
        assert torch.allclose(numbers(model, [many[place]])[0], together[place], atol=CLOSE)


@pytest.mark.parametrize(
    ("labels", "problem_type", "shared"),
    [
        (["violence", "hate", "spam"], "multi_label_classification", False),
        (["neutral", "toxic"], None, True),
        (["toxic"], None, False),
    ],
)
@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "deberta"])
def test_a_classifier_scores_as_its_config_says(
    tmp_path: Path, labels: list[str], problem_type: str | None, shared: bool, kind: str
) -> None:
    folder = make_classifier(tmp_path, labels, kind, problem_type)
    assert vetting.vet(folder).capabilities == ("moderations",)
    model = load(LoadOptions(folder))
    assert model.texts.model.labels == tuple(labels)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    reference = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for text, scores in zip(TEXTS, numbers(model, TEXTS), strict=True):
        with torch.no_grad():
            read = tokenizer(text, return_tensors="pt", split_special_tokens=True)
            read.pop("token_type_ids", None)
            logits = reference(**read).logits[0]
        wanted = logits.softmax(0) if shared else logits.sigmoid()
        assert torch.allclose(scores, wanted, atol=CLOSE), text


def test_the_window_is_what_the_positions_and_the_files_allow(tmp_path: Path) -> None:
    bert = make_encoder(tmp_path / "bert")
    shifted = make_encoder(tmp_path / "roberta", "roberta")
    short = make_encoder(tmp_path / "short", sentence_bert_config__json={"max_seq_length": 12})
    assert vetting.vet(bert).context_window == 66
    assert vetting.vet(shifted).context_window == 65  # its positions begin behind the padding's 0
    assert vetting.vet(short).context_window == 12
    model = load(LoadOptions(shifted))
    assert numbers(model, [" ".join(["tea"] * 63)]).isfinite().all()
    with pytest.raises(ContextTooLong) as refused:
        model.texts.tokens.tokenise(["fine", " ".join(["tea"] * 64)])
    assert refused.value.param == "input[1]"


def test_token_ids_are_taken_as_they_are_and_checked(tmp_path: Path) -> None:
    tokens = load(LoadOptions(make_encoder(tmp_path))).texts.tokens
    (read,) = tokens.tokenise(["hello world"])
    assert read.tolist() == [2, 10, 11, 3]
    assert tokens.tokenise([array("i", [10])])[0].tolist() == [10]
    for bad in (-1, 10_000):
        with pytest.raises(InvalidGeneration) as refused:
            tokens.tokenise(["hello", array("i", [bad])])
        assert refused.value.param == "input[1]"


def test_special_tokens_in_a_text_are_only_characters(tmp_path: Path) -> None:
    tokens = load(LoadOptions(make_encoder(tmp_path))).texts.tokens
    (read,) = tokens.tokenise(["[SEP] hello"])
    assert read.tolist().count(3) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"architectures": ["BertForQuestionAnswering"]}, "not supported"),
        ({"architectures": ["BertModel"], "model_type": "roberta"}, "not supported"),
        ({"auto_map": {"AutoModel": "evil.Model"}}, "code that comes with the model"),
        ({"quantization_config": {}}, "quantised"),
        ({"is_decoder": True}, "decoder"),
        ({"vocab_size": 7}, "no word embeddings of the shape [7, 32]"),
        ({"num_hidden_layers": 3}, "do not have the 3 layers"),
        ({"max_position_embeddings": None}, "max_position_embeddings as a whole number"),
        ({"pad_token_id": 10_000}, "pad_token_id"),
    ],
)
def test_what_is_not_served_is_refused_with_the_reason(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    config_file = make_encoder(tmp_path) / "config.json"
    config_file.write_text(_changed(config_file, change))
    with pytest.raises(vetting.ModelRefused, match=reason.replace("[", r"\[")):
        vetting.vet(tmp_path)
    with pytest.raises(LoadingFailed):
        load(LoadOptions(tmp_path))


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (sentence_files("pooling_mode_mean_tokens", "Dense"), "Dense"),
        (sentence_files("pooling_mode_weightedmean_tokens"), "weightedmean"),
        (sentence_files("nothing"), "Its pooling .none. is not supported"),
        ({"modules__json": {"type": "x"}}, "damaged"),
        ({"modules__json": [{"type": "a.Pooling", "path": "../elsewhere"}]}, "not beside it"),
        ({"modules__json": [{"type": "a.Pooling", "path": "gone"}]}, "missing"),
        ({"sentence_bert_config__json": {"max_seq_length": 0}}, "max_seq_length"),
    ],
)
def test_ways_of_pooling_that_are_not_served_are_refused(
    tmp_path: Path, files: dict[str, Any], reason: str
) -> None:
    with pytest.raises(vetting.ModelRefused, match=reason):
        vetting.vet(make_encoder(tmp_path, **files))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id2label": {"0": "a", "1": "a"}}, "name its labels"),
        ({"id2label": {"1": "a", "2": "b"}}, "name its labels"),
        ({"id2label": {str(n): str(n) for n in range(5)}}, "no classifier of 5 labels"),
        ({"problem_type": "regression"}, "regression"),
    ],
)
def test_a_classifier_without_clear_labels_is_refused(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    config_file = make_classifier(tmp_path, ["hate", "spam"]) / "config.json"
    config_file.write_text(_changed(config_file, change))
    with pytest.raises(vetting.ModelRefused, match=reason):
        vetting.vet(tmp_path)


def test_labels_without_names_are_served_with_a_warning(tmp_path: Path) -> None:
    vetted = vetting.vet(make_classifier(tmp_path, ["LABEL_0", "LABEL_1"]))
    assert "no names" in vetted.warnings[0]


def _changed(config_file: Path, change: dict[str, Any]) -> str:
    return json.dumps(json.loads(config_file.read_text()) | change)
