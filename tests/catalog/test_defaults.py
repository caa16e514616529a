"""The shipped catalog: made once, then left as the administrator wants it."""

from decimal import Decimal
from pathlib import Path

import pytest

from billing import pricing
from billing.models import Price
from inference import catalog, defaults, installing, prices, vetting
from inference.models import ServedModel

pytestmark = pytest.mark.django_db
FOLDER = defaults._sentence_folder()  # as it is here

# id: context window, USD per million tokens in and out, provider (the HiveOps reference)
REFERENCE = {
    "llama3:8b-instruct-q8_0": (8_192, "0.010", "0.020", "Meta AI"),
    "llama-3-70b-instruct": (16_384, "0.100", "0.200", "Meta AI"),
    "gemma-2-9b-it": (8_192, "0.005", "0.010", "Google"),
    "mistral-7b-instruct-v0.3": (4_096, "0.001", "0.002", "Mistral AI"),
}


@pytest.fixture(autouse=True)
def without_rag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "_sentence_folder", lambda: None)


def test_the_models_of_the_reference_are_there_with_their_prices() -> None:
    defaults.ensure()

    costs = prices.in_force(REFERENCE)
    for model_id, (context, paid, earned, provider) in REFERENCE.items():
        row = ServedModel.objects.get(pk=model_id)
        assert (row.context_window, row.provider, row.state) == (context, provider, "not_installed")
        assert row.best_for
        assert Decimal(pricing.usd_per_million(costs[model_id].input)) == Decimal(paid)
        assert Decimal(pricing.usd_per_million(costs[model_id].cached_input)) == Decimal(paid)
        assert Decimal(pricing.usd_per_million(costs[model_id].output)) == Decimal(earned)


def test_the_built_in_model_is_installed_and_is_the_default() -> None:
    defaults.ensure()

    row = ServedModel.objects.local().get()
    assert row.id == catalog.DEFAULT_MODEL == "smarter-mini"
    assert prices.in_force([row.id])[row.id] == pricing.Price(50_000, 50_000, 100_000)


def test_the_built_in_model_passes_the_vetting_and_is_what_its_row_says() -> None:
    vetted = vetting.vet(defaults.BUILT_IN_WEIGHTS)

    assert "chat" in vetted.capabilities
    assert vetted.context_window == defaults.BUILT_IN.context_window
    assert vetted.parameters == defaults.BUILT_IN.parameters


def test_a_second_time_changes_nothing() -> None:
    defaults.ensure()
    before = list(ServedModel.objects.values()), list(Price.objects.values())

    defaults.ensure()

    assert (list(ServedModel.objects.values()), list(Price.objects.values())) == before


def test_what_an_administrator_changed_stays_changed() -> None:
    defaults.ensure()
    installing.remove("smarter-mini")
    ServedModel.objects.filter(pk="gemma-2-9b-it").update(best_for="Poems", context_window=99)
    dear = pricing.Price(7_000_000, 1, 9_000_000)
    prices.set_price("gemma-2-9b-it", dear)

    defaults.ensure()

    gemma = ServedModel.objects.get(pk="gemma-2-9b-it")
    assert (gemma.best_for, gemma.context_window) == ("Poems", 99)
    assert prices.in_force(["gemma-2-9b-it"])["gemma-2-9b-it"] == dear
    assert not ServedModel.objects.installed().exists()


def test_a_price_that_stood_before_its_model_is_kept() -> None:
    prices.set_price("gemma-2-9b-it", pricing.Price(1, 1, 1))

    defaults.ensure()

    assert prices.in_force(["gemma-2-9b-it"])["gemma-2-9b-it"] == pricing.Price(1, 1, 1)


def test_the_address_of_the_built_in_model_follows_its_checkout(tmp_path: Path) -> None:
    defaults.ensure()
    built_in = ServedModel.objects.filter(pk="smarter-mini")
    built_in.update(engine=f"local:{tmp_path}/gone/inference/builtin/weights")

    defaults.ensure()
    assert built_in.get().engine == f"local:{defaults.BUILT_IN_WEIGHTS}"

    (tmp_path / "inference/builtin/weights").mkdir(parents=True)  # another checkout, still there
    for kept in (f"local:{tmp_path}/inference/builtin/weights", f"local:{tmp_path}/my/own"):
        built_in.update(engine=kept)
        defaults.ensure()
        assert built_in.get().engine == kept


@pytest.fixture
def with_rag(without_rag: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in which the package of the extra `rag` lies, as pip puts it."""
    folder = tmp_path / "site-packages" / defaults.SENTENCE_PACKAGE / "model"
    folder.mkdir(parents=True)
    monkeypatch.setattr(defaults, "_sentence_folder", lambda: folder)
    return folder


def test_the_sentence_model_of_the_extra_is_in_the_catalog_when_it_is_there(with_rag: Path) -> None:
    defaults.ensure()

    row = ServedModel.objects.get(pk="all-minilm-l6-v2")
    assert (row.engine, row.state) == (f"local:{with_rag}", "installed")
    assert row.capabilities == ["embeddings"]
    assert prices.in_force([row.id])[row.id] == pricing.Price(10_000, 10_000, 0)


def test_who_removes_the_sentence_model_has_it_removed(with_rag: Path) -> None:
    defaults.ensure()
    installing.remove("all-minilm-l6-v2")

    defaults.ensure()
    assert ServedModel.objects.get(pk="all-minilm-l6-v2").state == "not_installed"


def test_the_sentence_model_goes_with_its_package_and_comes_again(
    with_rag: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults.ensure()

    monkeypatch.setattr(defaults, "_sentence_folder", lambda: None)
    defaults.ensure()
    assert not ServedModel.objects.filter(pk="all-minilm-l6-v2").exists()

    monkeypatch.setattr(defaults, "_sentence_folder", lambda: with_rag)
    defaults.ensure()
    assert ServedModel.objects.get(pk="all-minilm-l6-v2").state == "installed"


@pytest.mark.skipif(FOLDER is None, reason="the extra `rag` is not installed here")
def test_the_sentence_model_is_what_its_row_says() -> None:
    assert FOLDER is not None
    model, vetted = defaults._sentence_model(FOLDER), vetting.vet(FOLDER)

    assert vetted.capabilities == model.capabilities
    assert vetted.context_window == model.context_window
    assert vetted.parameters == model.parameters
