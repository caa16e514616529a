"""A model arrives from a hub complete and verified, whatever happens on the way, or not at all."""

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.progress import Progress

from inference import downloading, vetting, weights
from inference.downloading import DownloadFailed
from inference.hub import HubRefused
from inference.vetting import ModelRefused
from tests.catalog.fake_hub import COMMIT, GATED, FakeHub, serving
from tests.catalog.folders import model_files, safetensors

WEIGHTS = model_files()["model.safetensors"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serving(FakeHub(model_files())) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(downloading, "WAIT_SECONDS", 0)
        yield running


def fetch(place: Path, repository: str = "tiny/llama", revision: str = "main") -> Path:
    with Progress(disable=True) as progress:
        return downloading.download(repository, revision, place / "tiny", progress)


def test_a_model_arrives_whole_under_its_commit(hub: FakeHub, tmp_path: Path) -> None:
    folder = fetch(tmp_path)

    assert folder == tmp_path / f"tiny@{COMMIT[:12]}"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == hub.files
    assert vetting.vet(folder)


def test_only_weights_and_descriptions_are_fetched(hub: FakeHub, tmp_path: Path) -> None:
    hub.files |= {
        "README.md": b"x", "pytorch_model.bin": b"x", "original/params.json": b"{}",
        "consolidated.safetensors": WEIGHTS, "modeling.py": b"import os",
    }  # fmt: skip

    folder = fetch(tmp_path)

    assert {path.name for path in folder.iterdir()} == model_files().keys()


def test_a_cut_connection_is_taken_up_where_it_broke(hub: FakeHub, tmp_path: Path) -> None:
    hub.cuts = 3

    folder = fetch(tmp_path)

    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    expected = [None, "bytes=100-", "bytes=200-", "bytes=300-"]
    assert hub.asked_for("model.safetensors") == expected


def test_a_line_that_is_cut_again_and_again_brings_it_home_all_the_same(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.cuts = downloading.ATTEMPTS + 3

    assert (fetch(tmp_path) / "model.safetensors").read_bytes() == WEIGHTS


def test_a_later_command_goes_on_where_an_earlier_one_gave_up(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.errors, hub.cuts, hub.cut_after = 0, 99, 0
    monkeypatch.setattr(downloading, "ATTEMPTS", 2)
    (tmp_path / f"tiny@{COMMIT[:12]}").mkdir()
    (tmp_path / f"tiny@{COMMIT[:12]}" / "model.safetensors.partial").write_bytes(WEIGHTS[:700])
    with pytest.raises(DownloadFailed, match=f"stopped at 700 of {len(WEIGHTS)} bytes"):
        fetch(tmp_path)

    hub.cuts = 0
    folder = fetch(tmp_path)

    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.asked_for("model.safetensors")[-1] == "bytes=700-"


def test_what_is_there_already_is_not_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    fetch(tmp_path)
    hub.ranges.clear()

    fetch(tmp_path)

    assert hub.ranges == []


def test_a_file_that_was_changed_on_disk_is_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    folder = fetch(tmp_path)
    (folder / "model.safetensors").write_bytes(WEIGHTS[:-1] + b"!")

    fetch(tmp_path)

    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_hub_that_ignores_ranges_is_read_from_the_beginning(hub: FakeHub, tmp_path: Path) -> None:
    hub.ignores_ranges, hub.cuts = True, 1

    assert (fetch(tmp_path) / "model.safetensors").read_bytes() == WEIGHTS


def test_a_busy_hub_is_asked_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.errors = 3

    assert (fetch(tmp_path) / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_file_with_a_wrong_checksum_is_deleted_and_said_so(
    hub: FakeHub, tmp_path: Path, name: str
) -> None:
    hub.damaged = name

    with pytest.raises(DownloadFailed, match=f"{name} arrived damaged"):
        fetch(tmp_path)

    folder = tmp_path / f"tiny@{COMMIT[:12]}"
    assert not (folder / name).exists()
    assert not (folder / f"{name}.partial").exists()


def test_a_file_without_a_checksum_is_not_trusted(hub: FakeHub, tmp_path: Path) -> None:
    hub.without_checksums = True

    with pytest.raises(DownloadFailed, match="arrived damaged"):
        fetch(tmp_path)


def test_a_hub_that_never_stops_sending_does_not_fill_the_disk(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.endless = True

    with pytest.raises(DownloadFailed, match="arrived damaged"):
        fetch(tmp_path)


def test_an_unsupported_model_is_refused_before_its_weights_are_fetched(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.files = model_files({"auto_map": {"AutoModel": "evil.Model"}})

    with pytest.raises(ModelRefused, match="auto_map"):
        fetch(tmp_path)

    assert hub.asked_for("model.safetensors") == []


def test_a_repository_of_pickles_is_refused_before_anything_is_fetched(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.files["pytorch_model.bin"] = hub.files.pop("model.safetensors")

    with pytest.raises(ModelRefused, match="only pickle files"):
        fetch(tmp_path)

    assert hub.ranges == []


def sharded(hub: FakeHub, names: str) -> None:
    hub.files[weights.INDEX] = names.encode()
    hub.files["one.safetensors"] = safetensors({"a": [2]})
    hub.large = frozenset({"one.safetensors"})


def test_shards_are_fetched_by_their_index(hub: FakeHub, tmp_path: Path) -> None:
    sharded(hub, '{"weight_map": {"a": "one.safetensors"}}')

    folder = fetch(tmp_path)

    assert (folder / "one.safetensors").exists()
    assert not (folder / "model.safetensors").exists()


@pytest.mark.parametrize("name", ["../../one.safetensors", "two.safetensors"])
def test_an_index_that_names_other_files_is_refused(
    hub: FakeHub, tmp_path: Path, name: str
) -> None:
    sharded(hub, f'{{"weight_map": {{"a": "{name}"}}}}')

    with pytest.raises(ModelRefused, match=r"index"):
        fetch(tmp_path)


def test_a_disk_without_room_is_said_before_the_weights_are_fetched(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)

    with pytest.raises(DownloadFailed, match="SMARTER_DATA"):
        fetch(tmp_path)

    assert hub.asked_for("model.safetensors") == []


def test_two_commands_do_not_write_the_same_file(hub: FakeHub, tmp_path: Path) -> None:
    folder = tmp_path / f"tiny@{COMMIT[:12]}"
    folder.mkdir()
    with (folder / "config.json.partial").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(DownloadFailed, match="Another command"):
            fetch(tmp_path)


@pytest.mark.parametrize(
    ("repository", "revision", "reason"),
    [
        (GATED, "main", "HF_TOKEN"),
        ("tiny/unknown", "main", "has no tiny/unknown@main"),
        ("tiny/llama", "nowhere", "has no tiny/llama@nowhere"),
        ("../../etc", "main", "no name of a repository"),
        ("tiny/llama?x=", "main", "no name of a repository"),
    ],
)
def test_a_repository_that_cannot_be_had_is_explained(
    hub: FakeHub, tmp_path: Path, repository: str, revision: str, reason: str
) -> None:
    with pytest.raises(HubRefused, match=reason):
        fetch(tmp_path, repository, revision)


def test_a_hub_that_cannot_be_reached_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(HubRefused, match=r"127\.0\.0\.1:9/? cannot be reached"):
        fetch(tmp_path)


def test_the_token_of_a_gated_repository_is_sent(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    fetch(tmp_path)

    assert set(hub.tokens) == {"Bearer hf_secret"}
