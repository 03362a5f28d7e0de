from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affetti.errors import InputError, StorageError, UsageError
from affetti.studies.listening import ratings
from affetti.studies.listening.ratings import COLUMNS, Listener, RatingStore, has_answers, read_progress
from affetti.studies.listening.study import Study, Task
from listening_material import answer, study, with_files


def complete(store: RatingStore, token: str, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for trial in store.trials(store.listener(token)):
        assert store.record(token, trial.number, answer(store.study, trial, rng), 1.5)


def test_progress_is_read_without_touching_the_folder(tmp_path: Path) -> None:
    with_files(study("pair", 3, 2), tmp_path)
    assert read_progress(tmp_path).answers == 0
    assert not has_answers(tmp_path)
    with RatingStore.open(tmp_path) as store:
        complete(store, store.add_listener())
        store.add_listener()
        assert read_progress(tmp_path) == store.progress(), "answers that are in the log alone count too"
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    progress = read_progress(tmp_path)
    assert (progress.listeners, progress.finished, progress.answers) == (2, 1, 3)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    (tmp_path / ratings.FILE).write_bytes(b"no database, but long enough to be one" * 100)
    with pytest.raises(StorageError, match="is damaged"):
        read_progress(tmp_path)


@pytest.mark.parametrize("task", ["rate", "pair", "mushra", "spot"])
def test_answers_become_the_tidy_table(task: Task, tmp_path: Path) -> None:
    checks = 0 if task == "mushra" else 1
    made = with_files(study(task, 4, 3, repeats=1, attention_checks=checks), tmp_path)
    assert not has_answers(tmp_path)
    with RatingStore.open(tmp_path) as store:
        for seed in range(3):
            complete(store, store.add_listener(), seed)
        progress = store.progress()
        assert (progress.listeners, progress.finished, progress.answers) == (3, 3, 3 * (5 + checks))
        table = store.table()
    assert has_answers(tmp_path)
    assert tuple(table.columns) == COLUMNS
    assert set(table["listener"]) == {"L0001", "L0002", "L0003"}
    assert set(table["seconds"]) == {1.5}
    per_trial = {"rate": 3, "pair": 2, "mushra": 3, "spot": 1}[task]
    assert len(table) == 3 * (5 * per_trial + checks)
    assert (table.loc[table["purpose"] == "attention", "rating"] == 1.0).all()
    by_id = made.by_id
    assert [by_id[name].system for name in table["clip"]] == list(table["system"])
    pairs = table[table["purpose"] != "attention"]
    assert (pairs["against"] != "").all() == (task in ("pair", "spot"))
    if task == "pair":
        assert (pairs.groupby(["listener", "trial"])["rating"].sum() == 1.0).all()
        assert (pairs["against"] != pairs["system"]).all()


def test_the_first_answer_counts_and_a_new_process_goes_on(tmp_path: Path) -> None:
    with_files(study(), tmp_path)
    first: dict[str, Any] = {"valence": 0.1, "arousal": 0.2, "quality": 3}
    with RatingStore.open(tmp_path) as store:
        token = store.add_listener()
        assert store.record(token, 2, first)
        assert not store.record(token, 2, first | {"quality": 5})
    with RatingStore.open(tmp_path) as store:
        listener = store.listener(token)
        assert listener.answered == {2}
        assert not listener.finished
        assert not store.record(token, 2, first | {"quality": 1})
        table = store.table()
    assert table.loc[table["scale"] == "quality", "rating"].tolist() == [3.0]


def test_a_token_of_ones_own_adds_one_listener_however_often_it_is_sent(tmp_path: Path) -> None:
    with_files(study(), tmp_path)
    with RatingStore.open(tmp_path) as store:
        token = "drawn-by-the-browser-of-somebody"  # noqa: S105 - of tests
        assert store.add_listener(token) == store.add_listener(token) == token
        assert store.listener(store.add_listener()).place == 1
        assert list(store.listeners()) == ["L0001", "L0002"]


def test_the_first_result_of_the_headphone_check_is_kept(tmp_path: Path) -> None:
    with_files(study(), tmp_path)
    with RatingStore.open(tmp_path) as store:
        token = store.add_listener()
        assert store.listener(token).headphones is None
        store.record_headphones(token, 5)
        store.record_headphones(token, 6)
        complete(store, token)
        (listener,) = store.listeners().values()
    assert listener == Listener(1, 0, frozenset(range(len(listener.answered))), finished=True, headphones=5)


def test_many_threads_and_two_connections_count_every_answer_once(tmp_path: Path) -> None:
    made = with_files(study(), tmp_path)
    stores = [RatingStore.open(tmp_path, made) for _ in range(2)]

    def take_part(seed: int) -> int:
        token = stores[seed % 2].add_listener()
        rng, stored = np.random.default_rng(seed), 0
        for trial in stores[seed % 2].trials(stores[0].listener(token)):
            given = answer(made, trial, rng)
            stored += sum(store.record(token, trial.number, given) for store in stores)  # two tabs
        return stored

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(take_part, range(12))) == [6] * 12
    assert stores[0].progress() == stores[1].progress()
    table = stores[0].table()
    assert not table.duplicated(["listener", "trial", "scale"]).any()
    counts = table[table["scale"] == "quality"]["clip"].value_counts()
    assert len(counts) == 18
    assert counts.max() - counts.min() <= 1
    for store in stores:
        store.close()


def test_withdrawal_leaves_nothing_of_the_listener_and_gives_the_place_again(tmp_path: Path) -> None:
    made = with_files(study(), tmp_path)
    marker = {"valence": 0.123456789, "arousal": 0.2, "quality": 3}
    with RatingStore.open(tmp_path) as store:
        stays, leaves = store.add_listener(), store.add_listener()
        complete(store, stays)
        store.record(leaves, 0, marker)
        place = store.listener(leaves).place
        store.withdraw(leaves)
        for path in tmp_path.glob("listening.sqlite*"):
            assert b"0.123456789" not in path.read_bytes()
        with pytest.raises(UsageError, match="nobody has this link"):
            store.record(leaves, 0, marker)
        again = store.listener(store.add_listener())
        assert (again.place, again.id) == (place, 3)
        assert store.progress().withdrawn == 1
        assert set(store.table()["listener"]) == {"L0001"}
    assert made.fingerprint


def test_the_place_of_a_listener_who_left_is_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_files(study(idle_hours=1.0), tmp_path)
    with RatingStore.open(tmp_path) as store:
        done, left = store.add_listener(), store.add_listener()
        complete(store, done)
        assert store.listener(store.add_listener()).place == 2
        now = ratings.time.time()
        monkeypatch.setattr(ratings.time, "time", lambda: now + 3700.0)
        assert store.listener(store.add_listener()).place == 1
        assert store.listener(store.add_listener()).place == 2
        complete(store, left)  # who comes back goes on
        assert store.listener(left).finished


def test_neither_tokens_nor_anything_else_of_a_listener_is_kept(tmp_path: Path) -> None:
    with_files(study(), tmp_path)
    with RatingStore.open(tmp_path) as store:
        tokens = [store.add_listener() for _ in range(3)]
        complete(store, tokens[0])
    assert len(set(tokens)) == 3
    content = (tmp_path / "listening.sqlite").read_bytes()
    assert not any(token.encode() in content for token in tokens)
    columns = [row[1] for row in sqlite3.connect(tmp_path / "listening.sqlite").execute("pragma table_info(listener)")]
    assert columns == ["id", "token", "place", "seen", "finished", "headphones"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"valence": 0.1, "arousal": 0.2}, "lacks quality"),
        ({"valence": 0.1, "arousal": 0.2, "quality": 3, "x": 1}, "unknown part 'x'"),
        ({"valence": 1.1, "arousal": 0.2, "quality": 3}, "valence is 1.1"),
        ({"valence": float("nan"), "arousal": 0.2, "quality": 3}, "valence is nan"),
        ({"valence": 0.1, "arousal": 0.2, "quality": 3.5}, "quality is 3.5"),
        ({"valence": "0.1", "arousal": 0.2, "quality": 3}, "valence is '0.1'"),
        ({"valence": True, "arousal": 0.2, "quality": 3}, "valence is True"),
    ],
)
def test_an_answer_off_its_scale_is_refused(given: dict[str, Any], named: str, tmp_path: Path) -> None:
    with_files(study(), tmp_path)
    with RatingStore.open(tmp_path) as store:
        token = store.add_listener()
        with pytest.raises(InputError, match="trial 0") as refused:
            store.record(token, 0, given)
        assert named in str(refused.value)
        with pytest.raises(UsageError, match="no trial 6"):
            store.record(token, 6, given)
        assert store.progress().answers == 0


def test_pairs_may_be_answered_without_difference_where_the_study_says_so(tmp_path: Path) -> None:
    with_files(study("pair"), tmp_path)
    with RatingStore.open(tmp_path) as store:
        token = store.add_listener()
        store.record(token, 0, {"choice": -1})
        assert store.table()["rating"].tolist() == [0.5, 0.5]
    with_files(study("pair", no_difference=False), tmp_path / "forced")
    with RatingStore.open(tmp_path / "forced") as store, pytest.raises(InputError, match="choice is -1"):
        store.record(store.add_listener(), 0, {"choice": -1})


def test_attention_checks_are_marked_by_their_answer(tmp_path: Path) -> None:
    with_files(study(attention_checks=1), tmp_path)
    with RatingStore.open(tmp_path) as store:
        for passes in (True, False):
            token = store.add_listener()
            check = next(it for it in store.trials(store.listener(token)) if it.purpose == "attention")
            wrong = {scale.name: (scale.low + scale.high) / 2 for scale in store.study.scales}
            store.record(token, check.number, check.expected if passes else wrong)
        assert store.table()["rating"].tolist() == [1.0, 0.0]


def test_a_study_edited_after_answers_came_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    made = with_files(study(), tmp_path)
    with RatingStore.open(tmp_path) as store:
        token = store.add_listener()
    replace(made, seed=3).save(tmp_path)
    with RatingStore.open(tmp_path) as store:  # no answers yet
        complete(store, token)
    made.save(tmp_path)
    with pytest.raises(StorageError, match=r"holds 6 answers to another version of study\.toml"):
        RatingStore.open(tmp_path)
    replace(made, seed=3, wording={"title": "Other words"}).save(tmp_path)
    with RatingStore.open(tmp_path) as store:
        assert store.progress().answers == 6


def test_a_full_disk_stores_nothing_of_the_answer_and_a_later_try_does(tmp_path: Path) -> None:
    with_files(study(), tmp_path)
    given = {"valence": 0.1, "arousal": 0.2, "quality": 3}
    with RatingStore.open(tmp_path) as store:
        token = store.add_listener()
        connection: sqlite3.Connection = store._connection  # pyright: ignore[reportPrivateUsage]
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count = {pages}").fetchall()
        with pytest.raises(StorageError, match="the disk is full"):
            for _ in range(2000):
                token = store.add_listener()
                store.record(token, 0, given)
        before = store.progress()
        connection.execute("pragma max_page_count = 100000").fetchall()
        assert store.progress() == before
        token = store.add_listener()
        assert store.record(token, 0, given)


def test_a_damaged_store_is_one_line(tmp_path: Path) -> None:
    made = with_files(study(), tmp_path)
    file = tmp_path / "listening.sqlite"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match=r"listening\.sqlite: is damaged"):
        RatingStore.open(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(StorageError, match=r"listening\.sqlite"):
        RatingStore.open(tmp_path)
    file.rmdir()
    RatingStore.open(tmp_path, made).close()
    connection = sqlite3.connect(file)
    connection.execute("pragma user_version = 9")
    connection.close()
    with pytest.raises(StorageError, match="another version of affetti"):
        RatingStore.open(tmp_path)


def test_a_study_opens_from_its_folder(tmp_path: Path) -> None:
    with_files(study(), tmp_path)
    with RatingStore.open(tmp_path, Study.open(tmp_path)) as store:
        assert store.path == tmp_path / "listening.sqlite"
