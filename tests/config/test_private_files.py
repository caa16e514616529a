"""What we write into the data folder is for us alone; what a person made stays as it is."""

import stat
import sys
from pathlib import Path

import pytest

from config import children, data_folder, secret_key


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_data_folder_and_all_in_it_are_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with data_folder.claimed(data):
        made = [data, *data.rglob("*")]
    assert len(made) == 8
    assert {path.name: oct(mode(path)) for path in made} == {
        path.name: "0o700" if path.is_dir() else "0o600" for path in made
    }


def test_the_secret_that_is_made_first_makes_the_folder_private_too(tmp_path: Path) -> None:
    secret_key.read(tmp_path / "data", production=False)
    assert mode(tmp_path / "data") == 0o700


def test_a_folder_that_a_person_made_keeps_its_mode(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    for folder in (data, data / "logs"):
        folder.chmod(0o755)
    with data_folder.claimed(data):
        pass
    assert [mode(data), mode(data / "logs")] == [0o755, 0o755]


@pytest.mark.parametrize("existing", [False, True])
def test_a_childs_log_and_files_are_private_and_an_old_log_keeps_its_mode(
    tmp_path: Path, existing: bool
) -> None:
    log, made = tmp_path / "log", tmp_path / "made"
    if existing:
        log.touch()
        log.chmod(0o640)
    write = f"open({str(made)!r}, 'w').close(); print('said')"
    child = children.spawn([sys.executable, "-c", write], log=log)
    children.end(child, 10)
    assert log.read_text() == "said\n"
    assert mode(log) == (0o640 if existing else 0o600)
    assert mode(made) == 0o600
