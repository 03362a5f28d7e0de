from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affetti import api
from affetti.corpus import Corpus, exchange


class Hub:
    """Stands in for ``huggingface_hub.HfApi``: keeps what it is sent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user: str | None = "ada"
        self.repositories: list[tuple[str, str, bool]] = []

    def whoami(self) -> dict[str, str]:
        if self.user is None:
            raise OSError("Token is required\nmore")
        return {"name": self.user}

    def create_repo(self, name: str, repo_type: str, private: bool, exist_ok: bool) -> str:
        assert exist_ok
        if name.startswith("other/"):
            raise OSError("403 Forbidden")
        self.repositories.append((name, repo_type, private))
        return f"https://hub/{name}"

    def upload_folder(
        self, repo_id: str, repo_type: str, folder_path: str, allow_patterns: list[str], commit_message: str
    ) -> None:
        assert (repo_type, commit_message) in {("model", "affetti push"), ("dataset", "affetti push")}
        for pattern in allow_patterns:
            target = self.folder / repo_id / pattern
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(folder_path) / pattern, target)

    def upload_file(self, path_or_fileobj: str, path_in_repo: str, repo_id: str, repo_type: str) -> None:
        assert repo_type == "model"
        shutil.copyfile(path_or_fileobj, self.folder / repo_id / path_in_repo)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    stand_in = Hub(tmp_path / "hub")
    library = pytest.importorskip("huggingface_hub", reason="the optional package huggingface_hub is not installed")
    monkeypatch.setattr(library, "HfApi", lambda: stand_in)
    return stand_in


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    api.prepare.run("composed", folder / "corpus", clips=48, folds=2, workers=1)
    api.train.run("baseline", folder / "corpus", folder / "run")
    return folder


def licence(folder: Path) -> str:
    return str(Corpus.open(folder / "corpus").meta["licence"])


def test_a_run_is_sent_with_its_card_once_its_licence_is_repeated(
    made: Path, hub: Hub, affetti: Callable[..., Any]
) -> None:
    ran = affetti("push", "ada/base", "--model", made / "run")
    assert ran.code == 2 and licence(made) in ran.err and "repeat it: --licence" in ran.err
    assert hub.repositories == []
    ran = affetti("push", "ada/base", "--model", made / "run", "--licence", licence(made), "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert (document["kind"], document["public"], document["url"]) == ("model", False, "https://hub/ada/base")
    assert hub.repositories == [("ada/base", "model", True)]
    sent = {path.name for path in (hub.folder / "ada/base").iterdir()}
    assert sent == {"model.json", "model.safetensors", "MODEL_CARD.md", "README.md"}


def test_a_corpus_is_sent_as_a_data_set_that_can_be_restored(made: Path, hub: Hub, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the optional package datasets is not installed")
    result = api.push.run("ada/songs", corpus=made / "corpus", licence=licence(made), public=True)
    assert hub.repositories == [("ada/songs", "dataset", False)]
    assert "README.md" in result.files and "corpus.json" in result.files
    restored = exchange.restore(hub.folder / "ada/songs", tmp_path / "restored")
    assert restored.hash == Corpus.open(made / "corpus").hash
    assert "soundfont under the GPL" in (hub.folder / "ada/songs/README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ada/base"], "one of --model and --corpus is needed"),
        (["ada", "--model", "run"], "'ada' is not USER/NAME"),
        (["ada/base", "--model", "nowhere"], "no such folder"),
        (
            ["ada/base", "--model", "shipped"],
            "--model shipped: comes with affetti: there is nothing to send. Give a run",
        ),
        (["ada/base", "--model", "corpus"], "no trained model here"),
        (["other/base", "--model", "run", "--licence", "…"], "the Hub refuses (403 Forbidden)"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_one_line(
    made: Path,
    hub: Hub,
    affetti: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(made)
    given = [licence(made) if argument == "…" else argument for argument in arguments]
    ran = affetti("push", *given)
    assert ran.code == 2 and message in ran.err and len(ran.err.splitlines()) == 1
    assert hub.repositories == []


def test_nothing_is_sent_without_a_login(made: Path, hub: Hub, affetti: Callable[..., Any]) -> None:
    hub.user = None
    ran = affetti("push", "ada/base", "--model", made / "run", "--licence", licence(made))
    assert ran.code == 2 and "nobody is logged in" in ran.err and "hf auth login" in ran.err
    assert hub.repositories == []


def test_without_the_client_the_command_that_installs_it_is_named(
    made: Path, affetti: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    ran = affetti("push", "ada/base", "--model", made / "run")
    assert ran.code == 2 and "pip install 'affetti[hub]'" in ran.err
