from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up import SMALL

from affetti.corpus import Corpus, manifest, store
from affetti.corpus.build import PrepareSettings, build
from affetti.corpus.store import audio_file
from affetti.corpus.track import Source
from affetti.embedders.clip_set import open_clip_set
from affetti.errors import InputError, MismatchError, StorageError
from affetti.presets import FrontEnd


def test_a_corpus_is_read_back_as_written(small_corpus: Corpus, front: FrontEnd) -> None:
    opened = Corpus.open(small_corpus.path)
    assert len(opened) == 6
    assert opened.mel.shape == (6, *front.shape)
    assert opened.mel.dtype == np.float16
    assert opened.front_end == front
    assert list(opened.clips.columns) == list(manifest.COLUMNS)
    assert opened.labels.shape == (6, 2)
    assert opened.songs.tolist() == [f"s{i}" for i in range(6)]
    assert not opened.synthetic
    assert sorted(path.name for path in opened.path.iterdir()) == ["clips.parquet", "corpus.json", "mel.npy"]


def test_the_log_mels_are_mapped_and_cannot_be_written(small_corpus: Corpus) -> None:
    assert isinstance(small_corpus.mel, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        small_corpus.mel[0] = 0


def test_the_content_hash_is_that_of_what_is_on_disk(small_corpus: Corpus) -> None:
    opened = Corpus.open(small_corpus.path)
    assert manifest.content_hash(opened.clips, opened.mel) == opened.hash
    other = opened.clips.copy()
    other["valence"] += np.where(np.arange(len(other)) == 2, 1e-9, 0)
    assert manifest.content_hash(other, opened.mel) != opened.hash
    mel = opened.mel.copy()
    mel[5, 3, 2] += 1
    assert manifest.content_hash(opened.clips, mel) != opened.hash


def test_columns_beyond_the_common_ones_are_kept(
    tmp_path: Path, make_clips: Callable[..., pd.DataFrame], front: FrontEnd
) -> None:
    clips = make_clips(3)
    clips["valence_true"] = [0.1, 0.2, 0.3]
    np.save(tmp_path / "m.npy", np.zeros((3, *front.shape), np.float16))
    meta: dict[str, Any] = dict.fromkeys(map(str, store.KEYS), "")
    made = store.write(tmp_path / "c", clips, tmp_path / "m.npy", front, meta)
    assert Corpus.open(made.path).clips["valence_true"].tolist() == [0.1, 0.2, 0.3]


def test_a_clip_named_twice_is_refused_before_the_corpus_looks_whole(
    tmp_path: Path, make_clips: Callable[..., pd.DataFrame], front: FrontEnd
) -> None:
    np.save(tmp_path / "m.npy", np.zeros((3, *front.shape), np.float16))
    with pytest.raises(InputError, match="clip 'c1' occurs twice"):
        store.write(tmp_path / "c", make_clips(3, clip_id=["c1", "c0", "c1"]), tmp_path / "m.npy", front, {})
    assert not (tmp_path / "c" / "corpus.json").exists()


def edit(path: Path, **changes: Any) -> None:
    meta = json.loads((path / "corpus.json").read_text(encoding="utf-8"))
    meta = {key: value for key, value in (meta | changes).items() if value is not ...}
    (path / "corpus.json").write_text(json.dumps(meta), encoding="utf-8")


def cut(path: Path, part: float) -> None:
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])


@pytest.mark.parametrize("name", ["corpus.json", "clips.parquet", "mel.npy"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.98])
def test_a_file_cut_short_is_reported(small_corpus: Corpus, name: str, part: float) -> None:
    cut(small_corpus.path / name, part)
    with pytest.raises(StorageError) as caught:
        Corpus.open(small_corpus.path)
    assert name in str(caught.value)
    assert "again" in str(caught.value)


@pytest.mark.parametrize("name", ["clips.parquet", "mel.npy"])
def test_a_missing_file_is_reported(small_corpus: Corpus, name: str) -> None:
    (small_corpus.path / name).unlink()
    with pytest.raises(StorageError, match=r"missing or cut short. Remove the folder and make the corpus again"):
        Corpus.open(small_corpus.path)


@pytest.mark.parametrize("name", ["corpus.json", "clips.parquet", "mel.npy", "."])
def test_a_file_without_read_permission_is_not_called_damaged(guarded: Path, small_corpus: Corpus, name: str) -> None:
    small_corpus.path.rename(guarded / "corpus")
    (guarded / "corpus" / name).chmod(0)
    with pytest.raises(StorageError, match=r"cannot be read \(Permission denied\)\. Check its permissions") as caught:
        Corpus.open(guarded / "corpus")
    assert str(guarded / "corpus" / name) in str(caught.value)
    assert "remove" not in str(caught.value)


def test_unfinished_work_is_not_a_corpus(small_corpus: Corpus) -> None:
    (small_corpus.path / "corpus.json").unlink()
    with pytest.raises(StorageError, match=r"not a finished corpus.*it continues"):
        Corpus.open(small_corpus.path)


def test_a_folder_of_something_else_raises_an_error_that_says_how_a_corpus_is_made(tmp_path: Path) -> None:
    (tmp_path / "song.wav").touch()
    with pytest.raises(StorageError, match=r"not a finished corpus.*affetti prepare SOURCE"):
        Corpus.open(tmp_path)


def test_a_missing_folder_is_reported_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no such corpus. Make one with: affetti prepare"):
        Corpus.open(tmp_path / "none")


def test_another_version_is_refused(small_corpus: Corpus) -> None:
    edit(small_corpus.path, version=1)
    with pytest.raises(MismatchError, match="corpus format 1, this affetti reads 2"):
        Corpus.open(small_corpus.path)


@pytest.mark.parametrize(
    "changes", [{"format": "other"}, {"n_clips": 7}, {"n_clips": ...}, {"front_end": ...}, {"skipped": ...}]
)
def test_a_corpus_json_that_does_not_fit_is_refused(small_corpus: Corpus, changes: dict[str, Any]) -> None:
    edit(small_corpus.path, **changes)
    with pytest.raises(StorageError):
        Corpus.open(small_corpus.path)


def test_a_json_of_something_else_is_refused(small_corpus: Corpus) -> None:
    (small_corpus.path / "corpus.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(StorageError, match="not a corpus of affetti"):
        Corpus.open(small_corpus.path)


@pytest.mark.parametrize("shape", [(5, 16, 63), (6, 16, 62), (6, 15, 63)])
def test_log_mels_of_another_shape_are_refused(small_corpus: Corpus, shape: tuple[int, ...]) -> None:
    np.save(small_corpus.path / "mel.npy", np.zeros(shape, np.float16))
    with pytest.raises(StorageError, match="expected float16"):
        Corpus.open(small_corpus.path)


def test_log_mels_of_another_type_are_refused(small_corpus: Corpus) -> None:
    np.save(small_corpus.path / "mel.npy", small_corpus.mel.astype(np.float32))
    with pytest.raises(StorageError, match="float32"):
        Corpus.open(small_corpus.path)


def test_a_manifest_without_a_column_is_refused(small_corpus: Corpus) -> None:
    small_corpus.clips.drop(columns="arousal").to_parquet(small_corpus.path / "clips.parquet", index=False)
    with pytest.raises(StorageError, match="column 'arousal' is missing"):
        Corpus.open(small_corpus.path)


def test_another_front_end_is_refused_and_both_are_named(small_corpus: Corpus, front: FrontEnd) -> None:
    small_corpus.require_front_end(front, "a model")
    other = replace(front, f_min=30.0)
    with pytest.raises(MismatchError, match=f"{front.hash}.*a model has {other.hash}"):
        small_corpus.require_front_end(other, "a model")


def test_names_of_audio_files_fit_a_file_system_and_stay_apart(tmp_path: Path) -> None:
    short, long, other = "Fauré-00", "é" * 150 + "-00", "é" * 150 + "-01"
    assert audio_file(tmp_path, short) == tmp_path / "Fauré-00.flac"
    assert audio_file(tmp_path, "x" * 250).name == "x" * 250 + ".flac"
    files = [audio_file(tmp_path, name) for name in (long, other, "x" * 251, "x" * 252)]
    assert len({file.name for file in files}) == 4
    for file in files:
        assert file.suffix == ".flac"
        file.write_bytes(b"")  # the file system takes the name


def test_audio_of_a_clip_with_a_long_name_can_be_read(tmp_path: Path, make_source: Callable[..., Source]) -> None:
    source = make_source(4)
    tracks = [replace(source.tracks[0], track_id="é" * 200), *source.tracks[1:]]
    settings = PrepareSettings("small", keep_audio=True, folds=2)
    corpus = build(replace(source, tracks=tracks), tmp_path / "corpus", SMALL, settings).corpus
    assert len(list((tmp_path / "corpus" / "audio").iterdir())) == 4
    clips = open_clip_set(corpus.path)
    clips.require_audio("musicnn")
    assert all(file is not None and Path(file).is_file() for file in clips.clip_files())
