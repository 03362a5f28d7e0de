from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from made_up import MADE_UP, track

from affetti import api
from affetti.corpus import Corpus, exchange
from affetti.corpus.build import PrepareSettings, build
from affetti.corpus.joining import union
from affetti.corpus.track import Labels, Source
from affetti.errors import InputError, MismatchError, MissingDependencyError, StorageError
from affetti.presets import FrontEnd

pytest.importorskip("datasets", reason="Hugging Face datasets is not installed: pip install 'affetti[hub]'")


@pytest.fixture
def exported(small_corpus: Corpus, tmp_path: Path) -> Path:
    return exchange.export(small_corpus, tmp_path / "hub")


def test_datasets_sees_what_the_corpus_holds(small_corpus: Corpus) -> None:
    made = exchange.to_datasets(small_corpus)
    assert len(made) == 6
    np.testing.assert_array_equal(np.asarray(made.with_format("numpy")[:]["mel"]), small_corpus.mel)
    assert made["clip_id"][:] == small_corpus.clips["clip_id"].tolist()
    np.testing.assert_array_equal(made["valence"][:], small_corpus.labels[:, 0])


def test_an_export_is_readable_as_plain_parquet(small_corpus: Corpus, exported: Path) -> None:
    (file,) = (exported / "data").glob("*.parquet")
    table = pq.read_table(file)
    mel = np.array(table["mel"].combine_chunks().to_pylist(), dtype=np.float16)
    np.testing.assert_array_equal(mel, small_corpus.mel)
    assert table["song_id"].to_pylist() == small_corpus.clips["song_id"].tolist()


def test_load_dataset_reads_an_export(small_corpus: Corpus, exported: Path, tmp_path: Path) -> None:
    import datasets

    loaded = datasets.load_dataset(str(exported), cache_dir=str(tmp_path / "cache"), split="train")
    assert len(loaded) == 6
    assert set(loaded.column_names) >= {"mel", "valence", "arousal", "song_id"}
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert "CC0" in card
    assert small_corpus.hash in card


def test_export_and_restore_give_the_same_corpus(small_corpus: Corpus, exported: Path, tmp_path: Path) -> None:
    back = exchange.restore(exported, tmp_path / "back")
    assert back.hash == small_corpus.hash
    assert back.meta == small_corpus.meta
    pd.testing.assert_frame_equal(back.clips, small_corpus.clips)
    np.testing.assert_array_equal(back.mel, small_corpus.mel)
    assert sorted(path.name for path in back.path.iterdir()) == ["clips.parquet", "corpus.json", "mel.npy"]
    for file in back.path.iterdir():
        assert file.read_bytes() == (small_corpus.path / file.name).read_bytes(), file.name


def assert_comes_back(corpus: Corpus, tmp_path: Path) -> None:
    """``corpus`` survives export and restore: hash, description, manifest, log-mels and further tables."""
    back = exchange.restore(exchange.export(corpus, tmp_path / "hub"), tmp_path / "back")
    assert back.hash == corpus.hash
    assert back.meta == corpus.meta
    pd.testing.assert_frame_equal(back.clips, corpus.clips)
    np.testing.assert_array_equal(back.mel, corpus.mel)
    tables = sorted(path.name for path in corpus.path.glob("*.parquet"))
    assert sorted(path.name for path in back.path.glob("*.parquet")) == tables
    for name in tables:
        pd.testing.assert_frame_equal(pd.read_parquet(back.path / name), pd.read_parquet(corpus.path / name))


def test_a_composed_corpus_is_restored_with_its_true_emotions_lyrics_sections_and_notes(tmp_path: Path) -> None:
    made = api.prepare.run("composed", tmp_path / "corpus", clips=16, workers=1)
    corpus = Corpus.open(made.corpus)
    assert {"valence_true", "arousal_true"} <= set(corpus.clips.columns)
    assert any(corpus.clips["lyrics"] != "")
    assert (corpus.path / "notes.parquet").is_file()
    assert corpus.meta["signature"]
    assert_comes_back(corpus, tmp_path)


def test_a_joined_corpus_is_restored_with_tags_and_ratings_over_time(
    tmp_path: Path, make_source: Callable[..., Source], front: FrontEnd
) -> None:
    rated = make_source(4)
    times = pd.DataFrame({"song_id": ["s0", "s0", "s1"], "time": [15.0, 15.5, 15.0], "valence": [0.1, 0.2, np.nan]})
    tagged = [track(i + 4, labels=Labels(0.1 * i, 0.2, tags=("calm", "sad"))) for i in range(4)]
    other = Source(replace(MADE_UP, name="other"), tagged)
    joined = union([replace(rated, tables={"dynamic": times}), other])
    corpus = build(joined, tmp_path / "corpus", front, PrepareSettings("small", folds=2)).corpus
    assert set(corpus.clips["tags"]) == {"", "calm|sad"}
    assert len(pd.read_parquet(corpus.path / "dynamic.parquet")) == 3
    assert_comes_back(corpus, tmp_path)


def test_columns_of_any_type_come_back(
    make_clips: Callable[..., pd.DataFrame], make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    further = {
        "level": np.linspace(0, 1, 6, dtype=np.float32),
        "n_notes": np.arange(6, dtype=np.int32),
        "remark": ["a, b", None, "c\nd", "", "é", "f"],
        "checked": [True, None, False, None, True, True],
        "nothing": [None] * 6,
        "synthetic": True,
        "tags": "calm|sad",
    }
    assert_comes_back(make_corpus(make_clips(6, **further)), tmp_path)


def test_ratings_over_time_go_along_and_paths_may_be_text(small_corpus: Corpus, tmp_path: Path) -> None:
    ratings = pd.DataFrame({"song_id": ["s0", "s0"], "time": [15.0, 15.5], "valence": [0.1, 0.2]})
    ratings.to_parquet(small_corpus.path / "dynamic.parquet")
    folder = exchange.export(small_corpus, str(tmp_path / "hub"))
    back = exchange.restore(str(folder), str(tmp_path / "back"))
    pd.testing.assert_frame_equal(pd.read_parquet(back.path / "dynamic.parquet"), ratings)


def test_the_card_says_what_both_sides_share(small_corpus: Corpus, tmp_path: Path) -> None:
    small_corpus.meta["leakage"] = {"songs": 0.0, "artists": 0.5}
    card = (exchange.export(small_corpus, tmp_path / "hub") / "README.md").read_text(encoding="utf-8")
    assert "CAUTION: both sides share artists" in card


def test_a_large_corpus_is_split_into_files(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "SHARD", 4)
    monkeypatch.setattr(exchange, "BLOCK", 4)
    folder = exchange.export(small_corpus, tmp_path / "hub")
    assert [path.name for path in sorted((folder / "data").iterdir())] == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]
    assert exchange.restore(folder, tmp_path / "back").hash == small_corpus.hash


def test_an_export_that_was_changed_is_refused(exported: Path, tmp_path: Path) -> None:
    meta = json.loads((exported / "corpus.json").read_text(encoding="utf-8"))
    (exported / "corpus.json").write_text(json.dumps(meta | {"content_hash": "0"}), encoding="utf-8")
    with pytest.raises(MismatchError, match=r"not those that its corpus\.json describes"):
        exchange.restore(exported, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def lose_meta(folder: Path) -> None:
    (folder / "corpus.json").unlink()


def lose_data(folder: Path) -> None:
    for path in (folder / "data").iterdir():
        path.unlink()


def cut_data(folder: Path) -> None:
    for path in (folder / "data").iterdir():
        path.write_bytes(path.read_bytes()[:100])


def lose_front_end(folder: Path) -> None:
    meta = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    del meta["front_end"]
    (folder / "corpus.json").write_text(json.dumps(meta), encoding="utf-8")


def lose_column(folder: Path) -> None:
    for path in (folder / "data").iterdir():
        pq.write_table(pq.read_table(path).drop_columns(["valence"]), path)


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        (lose_meta, StorageError, "no corpus.json"),
        (lose_data, StorageError, "holds no Parquet files"),
        (cut_data, StorageError, "data: cannot be read"),
        (lose_front_end, StorageError, "'front_end' is missing"),
        (lose_column, InputError, "column 'valence' is missing"),
    ],
)
def test_a_folder_that_is_not_an_export_is_refused(
    exported: Path, tmp_path: Path, spoil: Callable[[Path], None], kind: type[Exception], says: str
) -> None:
    spoil(exported)
    with pytest.raises(kind, match=says):
        exchange.restore(exported, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_nothing_is_overwritten(small_corpus: Corpus, exported: Path) -> None:
    with pytest.raises(StorageError, match="not empty"):
        exchange.export(small_corpus, exported)
    with pytest.raises(StorageError, match="exists"):
        exchange.restore(exported, small_corpus.path)


def test_without_datasets_the_error_says_how_to_get_it(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "datasets":
            raise ImportError(name)
        return there(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingDependencyError, match=r"pip install 'affetti\[hub\]'"):
        exchange.export(small_corpus, tmp_path / "hub")
