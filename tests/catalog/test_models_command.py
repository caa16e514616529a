"""`manage.py models` adds, changes, lists and removes what is served; a refusal changes nothing."""

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from billing.pricing import Price
from inference import defaults, prices
from inference.models import ModelAlias, ServedModel
from tests.catalog.command_line import PRICED, models
from tests.catalog.folders import PARAMETERS, write_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_folder")]


def refusal(*arguments: object) -> str:
    before = list(ServedModel.objects.values()), list(ModelAlias.objects.values())
    with pytest.raises(CommandError) as refused:
        models(*arguments)
    assert (list(ServedModel.objects.values()), list(ModelAlias.objects.values())) == before
    return str(refused.value)


def test_a_folder_is_served_where_it_lies(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")

    output = models(
        "add", "tiny", "--path", folder, *PRICED, "--cached-input-price", "0.1",
        "--provider", "Bees", "--best-for", "Tests", "--default-max-output", 64,
        "--alias", "small", "--alias", "a/b:c",
    )  # fmt: skip

    assert "tiny is installed." in output
    row = ServedModel.objects.get(pk="tiny")
    assert (row.state, row.engine) == ("installed", f"local:{folder}")
    assert (row.context_window, row.default_max_output, row.parameters) == (128, 64, PARAMETERS)
    assert (row.provider, row.best_for) == ("Bees", "Tests")
    assert row.capabilities == ["chat", "completions", "embeddings"]
    assert set(ModelAlias.objects.values_list("name", "model_id")) == {
        ("small", "tiny"), ("a/b:c", "tiny"),
    }  # fmt: skip
    assert prices.in_force(["tiny"]) == {"tiny": Price(500_000, 100_000, 1_500_000)}


def test_a_relative_path_is_served_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_model(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)

    models("add", "tiny", "--path", "tiny", *PRICED)

    assert ServedModel.objects.get(pk="tiny").engine == f"local:{folder}"


def test_a_model_of_the_catalog_keeps_what_the_catalog_says(tmp_path: Path) -> None:
    defaults.ensure()
    folder = write_model(tmp_path, {"max_position_embeddings": 100_000})

    models("add", "gemma-2-9b-it", "--path", folder)

    row = ServedModel.objects.get(pk="gemma-2-9b-it")
    assert (row.context_window, row.provider, row.state) == (8192, "Google", "installed")
    assert prices.in_force([row.id])[row.id] == Price(5_000, 5_000, 10_000)


def test_the_context_is_never_more_than_the_model_was_made_for(tmp_path: Path) -> None:
    defaults.ensure()
    folder = write_model(tmp_path)

    assert "128 that the model was made for" in refusal(
        "add", "tiny", "--path", folder, *PRICED, "--context", 129
    )
    assert "context window is 128, not 8192" in models("add", "gemma-2-9b-it", "--path", folder)
    assert ServedModel.objects.get(pk="gemma-2-9b-it").context_window == 128
    models("add", "tiny", "--path", folder, *PRICED, "--context", 100)
    assert ServedModel.objects.get(pk="tiny").context_window == 100


def test_an_unsafe_model_is_refused_with_the_reason(tmp_path: Path) -> None:
    folder = write_model(tmp_path, {"auto_map": {"AutoModel": "evil.Model"}})

    assert "auto_map" in refusal("add", "tiny", "--path", folder, *PRICED)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "no config.json" in refusal("add", "tiny", "--path", tmp_path / "no", *PRICED)


def test_a_model_without_a_chat_template_is_added_with_a_warning(tmp_path: Path) -> None:
    folder = write_model(tmp_path, tokenizer_config__json=b"{}")

    assert "no chat template" in models("add", "tiny", "--path", folder, *PRICED)
    assert ServedModel.objects.get(pk="tiny").capabilities == ["completions", "embeddings"]


def test_engine_processes_are_one_row_that_serves_what_a_folder_does() -> None:
    addresses = ["--engine", "engine:tcp:a:9100", "--engine", "engine:tcp:b:9100"]
    models("add", "far", *addresses, *PRICED)
    row = ServedModel.objects.get(pk="far")
    assert row.engine == "engine:tcp:a:9100 engine:tcp:b:9100"
    assert row.capabilities == ["chat", "completions", "embeddings"]

    ServedModel.objects.filter(pk="far").update(capabilities=["embeddings"])
    models("add", "far", *addresses)
    assert ServedModel.objects.get(pk="far").capabilities == ["embeddings"], "as it was corrected"
    assert "no engine address" in refusal("add", "far", *addresses[:2], "--engine", "http://c")


def test_a_model_needs_a_price(tmp_path: Path) -> None:
    folder = write_model(tmp_path)

    assert "has no price yet" in refusal("add", "tiny", "--path", folder)
    assert "together" in refusal("add", "tiny", "--path", folder, "--input-price", "1")
    assert "above --input-price" in refusal(
        "add", "tiny", "--path", folder, *PRICED, "--cached-input-price", "0.6"
    )


@pytest.mark.parametrize("price", ["-1", "NaN", "1e99", "Infinity", "free", "1001", ""])
def test_a_price_is_a_sane_decimal_number(tmp_path: Path, price: str) -> None:
    folder = write_model(tmp_path)

    said = refusal("add", "tiny", "--path", folder, "--output-price=1", f"--input-price={price}")

    assert "price" in said


@pytest.mark.parametrize("name", ["", "a b", "../up", "x" * 201, "ü", "a\n"])
def test_a_name_that_a_url_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path)

    assert refusal("add", name, "--path", folder, *PRICED)
    defaults.ensure()
    assert refusal("alias", name, "smarter-mini")


def test_a_new_price_begins_now_and_the_old_one_stays_in_the_book(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    models("add", "tiny", "--path", folder, *PRICED)

    models("add", "tiny", "--path", folder, "--input-price", "2", "--output-price", "3")

    assert prices.in_force(["tiny"]) == {"tiny": Price(2_000_000, 2_000_000, 3_000_000)}


def test_engines_are_served_by_their_address() -> None:
    models("add", "scripted", "--engine", "scripted:", *PRICED)
    models("add", "far", "--engine", "engine:tcp:10.0.0.1:7000", *PRICED, "--context", 64)

    assert ServedModel.objects.get(pk="scripted").context_window == 8192
    assert ServedModel.objects.get(pk="far").context_window == 64
    for address in ("http://host/v1", "local:/x", "engine:file:/x", ""):
        assert refusal("add", "x", "--engine", address, *PRICED)


def test_a_failed_model_is_given_another_try_by_adding_it_again(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    models("add", "tiny", "--path", folder, *PRICED)
    ServedModel.objects.update(state="failed", failure="out of memory")
    assert "tiny failed: out of memory" in models("list")

    models("add", "tiny", "--path", folder)

    row = ServedModel.objects.get(pk="tiny")
    assert (row.state, row.failure) == ("installed", "")


def test_the_list_shows_every_row() -> None:
    defaults.ensure()
    models("alias", "gpt-4o", "smarter-mini")

    lines = [line.split() for line in models("list").splitlines()]

    assert lines[0][0] == "MODEL"
    assert ["llama3:8b-instruct-q8_0", "not_installed", "8192", "0.01", "0.02", "-", "-"] in lines
    built_in = ["smarter-mini", "installed", "2048", "0.05", "0.10", "gpt-4o"]
    assert [*built_in, f"local:{defaults.BUILT_IN_WEIGHTS}"] in lines


def test_a_removed_model_is_gone_but_its_folder_is_not(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "mine")
    models("add", "tiny", "--path", folder, *PRICED, "--alias", "small")

    models("remove", "tiny")

    assert not ServedModel.objects.exists()
    assert not ModelAlias.objects.exists()
    assert (folder / "model.safetensors").exists()
    assert "no model tiny" in refusal("remove", "tiny")


def test_a_removed_model_of_the_catalog_stays_known(tmp_path: Path) -> None:
    defaults.ensure()
    models("add", "gemma-2-9b-it", "--path", write_model(tmp_path))

    models("remove", "gemma-2-9b-it")

    row = ServedModel.objects.get(pk="gemma-2-9b-it")
    assert (row.state, row.engine) == ("not_installed", "")


def test_an_alias_is_given_moved_and_removed(tmp_path: Path) -> None:
    defaults.ensure()
    models("add", "tiny", "--path", write_model(tmp_path), *PRICED)

    assert "at its price" in models("alias", "name", "tiny")
    models("alias", "name", "smarter-mini")
    assert ModelAlias.objects.get().model_id == "smarter-mini"
    models("alias", "other", "name")  # an alias of an alias is one of its model
    assert ModelAlias.objects.get(name="other").model_id == "smarter-mini"
    models("alias", "name", "--remove")
    models("alias", "other", "--remove")

    assert not ModelAlias.objects.exists()
    assert "no alias name" in refusal("alias", "name", "--remove")
    assert "Name the model" in refusal("alias", "name")
    assert "no model nothing" in refusal("alias", "name", "nothing")


def test_a_name_never_means_two_models(tmp_path: Path) -> None:
    defaults.ensure()
    folder = write_model(tmp_path)
    models("alias", "gemma-2-9b-it", "smarter-mini")  # its own row is not installed

    assert "is an alias of smarter-mini" in refusal("add", "gemma-2-9b-it", "--path", folder)
    models("add", "tiny", "--path", folder, *PRICED)
    assert "is an installed model" in refusal("alias", "tiny", "smarter-mini")
    assert "alias of itself" in refusal("alias", "llama-3-70b-instruct", "llama-3-70b-instruct")
    assert "is an installed model" in refusal(
        "add", "second", "--path", folder, *PRICED, "--alias", "tiny"
    )
    assert "second" not in prices.in_force(["second"])
