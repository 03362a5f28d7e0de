from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import RATE, music
from tests.listening_material import answer, study, with_files

from affetti import api
from affetti.signal import audio
from affetti.studies.listening.ratings import RatingStore


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, two baselines, an unfinished corpus, a damaged run and what is not affetti's."""
    folder = tmp_path_factory.mktemp("work")
    corpus = folder / "data" / "corpus"
    api.prepare.run("composed", corpus, clips=48, preset="tiny", folds=2)
    for seed in (0, 1):
        api.train.run("baseline", corpus, folder / "runs" / f"baseline-{seed}", fold=seed, seed=seed)
    (folder / "cut" / ".work").mkdir(parents=True)
    shutil.copytree(folder / "runs" / "baseline-0", folder / "damaged")
    (folder / "damaged" / "result.json").write_text("{")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "corpus.json").write_text("{}")
    (folder / "other").mkdir()
    (folder / "other" / "config.json").write_text('{"verb": "something else"}')
    return folder


def test_all_that_lies_below_a_folder_is_listed(work: Path, affetti: Callable[..., Any]) -> None:
    ran = affetti("runs", work, "--json")
    assert ran.code == 0, ran.err
    rows = {row["path"]: row for row in json.loads(ran.out)["rows"]}
    assert set(rows) == {"data/corpus", "runs/baseline-0", "runs/baseline-1", "cut", "damaged"}
    corpus, run = rows["data/corpus"], rows["runs/baseline-1"]
    assert (corpus["kind"], corpus["state"], corpus["facts"]["clips"]) == ("corpus", "finished", 48)
    assert corpus["bytes"] == sum(file.stat().st_size for file in (work / "data/corpus").rglob("*") if file.is_file())
    assert "CC0" in corpus["licence"] and run["licence"] == corpus["licence"]
    assert (run["name"], run["facts"]["fold"], run["facts"]["seed"]) == ("baseline", 1, 1)
    trained = json.loads((work / "runs/baseline-1/result.json").read_text())["test"]["arousal"]["ccc"]
    assert run["numbers"]["CCC arousal"]["value"] == pytest.approx(trained["value"])
    assert run["numbers"]["CCC arousal"]["ci"] == pytest.approx(trained["ci"])
    assert rows["cut"]["state"] == "unfinished"
    assert rows["damaged"]["state"] == "unreadable" and rows["damaged"]["reason"]


def test_the_table_is_for_people_and_the_newest_comes_first(work: Path, affetti: Callable[..., Any]) -> None:
    os.utime(work / "runs" / "baseline-0" / "result.json", (4e9, 4e9))
    lines = affetti("runs", work).out.splitlines()
    assert lines[0].split() == ["folder", "what", "age", "size"]
    assert lines[1].startswith("runs/baseline-0  run baseline") and "CCC valence" in lines[1] and "fold 0" in lines[1]
    assert any(line.startswith("cut") and "unfinished" in line for line in lines)


def test_two_runs_are_compared_by_settings_and_results(work: Path, affetti: Callable[..., Any]) -> None:
    one, two = work / "runs" / "baseline-0", work / "runs" / "baseline-1"
    ran = affetti("runs", "--compare", one, two, "--json")
    differences = {row["key"]: (row["first"], row["second"]) for row in json.loads(ran.out)["differences"]}
    assert differences["result.json: fold"] == (0, 1)
    assert differences["result.json: seed"] == (0, 1)
    assert "result.json: model" not in differences
    assert affetti("runs", "--compare", one, one).out.strip() == "no differences"
    assert "result.json: fold" in affetti("runs", "--compare", one, two).out


def test_listening_studies_and_their_results_are_listed(affetti: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("study", "edited"):
        with_files(study("rate", 3, 2), tmp_path / name)
    with RatingStore.open(tmp_path / "study") as store:
        for seed in range(3):
            token, rng = store.add_listener(), np.random.default_rng(seed)
            for trial in store.trials(store.listener(token)):
                store.record(token, trial.number, answer(store.study, trial, rng))
        store.add_listener()
    result = api.listen_results.run(tmp_path / "study", tmp_path / "results")
    next((tmp_path / "edited" / "clips").iterdir()).unlink()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    rows = {row["path"]: row for row in json.loads(affetti("runs", tmp_path, "--json").out)["rows"]}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    facts = {"task": "rate", "systems": 2, "clips": 6, "listeners": 4, "finished": 3, "answers": 9}
    assert (rows["study"]["kind"], rows["study"]["facts"]) == ("listening study", facts)
    assert (rows["edited"]["state"], rows["edited"]["reason"]) == ("unreadable", "a clip of the study is missing")
    analysed = rows["results"]
    assert (analysed["kind"], analysed["name"], analysed["facts"]["listeners"]) == ("listening", "study", 3)
    quality = {row.name: row.mean for row in result.systems if row.scale == "quality"}
    assert {name: number["value"] for name, number in analysed["numbers"].items()} == {
        f"quality {name}": pytest.approx(mean) for name, mean in quality.items()
    }
    assert "quality real" in affetti("runs", tmp_path).out
    compared = affetti("runs", "--compare", tmp_path / "study", tmp_path / "edited", "--json")
    assert compared.code == 0, compared.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such folder. Give the folder that your runs lie in"),
        (
            ["--compare", "other", "data/corpus"],
            "other: holds nothing that affetti made. List with: affetti runs",
        ),
        (["--compare", "runs/baseline-0", "data/corpus"], "is of kind run,"),
        (["--compare", "cut", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_folders_are_refused_in_one_line(
    work: Path, affetti: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(work)
    ran = affetti("runs", *arguments)
    assert ran.code == 2 and message in ran.err and len(ran.err.splitlines()) == 1


def test_audits_of_recordings_are_listed(tmp_path: Path, affetti: Callable[..., Any]) -> None:
    for number in range(3):
        audio.save(tmp_path / f"song{number}.wav", music(number, 2.5), RATE)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    first, second = tmp_path / "song0.wav", tmp_path / "song1.wav"
    api.audit_recordings.run([first, tmp_path / "broken.wav"], tmp_path / "audits" / "songs", model=None)
    pair = api.compare_recordings.run(first, second, tmp_path / "audits" / "pair", model=None)
    shutil.copytree(tmp_path / "audits" / "pair", tmp_path / "audits" / "cut")
    (tmp_path / "audits" / "cut" / "result.json").unlink()
    shutil.copytree(tmp_path / "audits" / "songs", tmp_path / "audits" / "damaged")
    (tmp_path / "audits" / "damaged" / "result.json").write_text('{"verb": "audit-recordings"}')
    rows = {row.path: row for row in api.runs.run(tmp_path / "audits").rows}
    assert {path: (row.kind, row.state) for path, row in rows.items()} == {
        "songs": ("recordings", "finished"),
        "pair": ("pair", "finished"),
        "cut": ("pair", "unfinished"),
        "damaged": ("recordings", "unreadable"),
    }
    assert rows["songs"].name == "song0.wav and broken.wav"
    assert rows["songs"].facts == {"recordings": 2, "failed": 1}
    assert rows["pair"].name == "song0.wav and song1.wav"
    assert rows["pair"].numbers["r of the log-mels"].value == pair.similarity.correlation
    assert "pair song0.wav and song1.wav" in affetti("runs", tmp_path).out
    difference = affetti("runs", "--compare", tmp_path / "audits" / "pair", tmp_path / "audits" / "pair")
    assert difference.out.strip() == "no differences"


def test_nothing_is_listed_where_there_is_nothing(tmp_path: Path, affetti: Callable[..., Any]) -> None:
    assert affetti("runs", tmp_path).out.strip() == f"{tmp_path}: nothing that affetti made, down to four folders deep"


def test_listing_changes_nothing(work: Path, affetti: Callable[..., Any]) -> None:
    before = {path: path.lstat().st_mtime_ns for path in work.rglob("*")}
    affetti("runs", work)
    assert {path: path.lstat().st_mtime_ns for path in work.rglob("*")} == before
