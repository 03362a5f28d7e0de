from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from affetti.corpus import Corpus, exchange
from affetti.errors import InputError, MismatchError, MissingDependencyError, StorageError

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


def test_any_reader_of_parquet_reads_an_export(small_corpus: Corpus, exported: Path) -> None:
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


def test_there_and_back_is_the_same_corpus(small_corpus: Corpus, exported: Path, tmp_path: Path) -> None:
    back = exchange.restore(exported, tmp_path / "back")
    assert back.hash == small_corpus.hash
    assert back.meta == small_corpus.meta
    pd.testing.assert_frame_equal(back.clips, small_corpus.clips)
    np.testing.assert_array_equal(back.mel, small_corpus.mel)
    assert sorted(path.name for path in back.path.iterdir()) == ["clips.parquet", "corpus.json", "mel.npy"]


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


def test_a_large_corpus_is_parted_into_files(
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


def lose_column(folder: Path) -> None:
    for path in (folder / "data").iterdir():
        pq.write_table(pq.read_table(path).drop_columns(["valence"]), path)


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        (lose_meta, StorageError, "no corpus.json"),
        (lose_data, StorageError, "holds no Parquet files"),
        (lose_column, InputError, "column 'valence' is missing"),
    ],
)
def test_what_is_no_export_is_refused(
    exported: Path, tmp_path: Path, spoil: Callable[[Path], None], kind: type[Exception], says: str
) -> None:
    spoil(exported)
    with pytest.raises(kind, match=says):
        exchange.restore(exported, tmp_path / "back")


def test_nothing_is_written_over(small_corpus: Corpus, exported: Path) -> None:
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
