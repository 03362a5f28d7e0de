"""Labels of windows from ratings over time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Ran
from tests.corpus.loaders import mediaeval_trees, test_pmemo
from tests.material import present, write_corpus, write_rated_corpus

from affetti import api
from affetti.corpus import Corpus
from affetti.corpus.loaders import load
from affetti.corpus.window_labels import window_labels
from affetti.errors import InputError, UsageError
from affetti.training.result import CurveAgreement


def clips(*windows: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(windows, columns=["song_id", "start", "duration"])


def ratings(song: str, times: list[float], valence: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"song_id": song, "time": times, "valence": valence, "arousal": [-v for v in valence]})


def test_a_label_is_the_mean_of_what_holds_in_the_window_weighted_by_time() -> None:
    table = ratings("a", [0.0, 1.0, 2.0, 3.0], [0.0, 0.4, 0.8, 0.2])
    labels = window_labels(clips(("a", 0.5, 2.0), ("a", 2.0, 2.0), ("b", 0.0, 2.0)), table)
    np.testing.assert_allclose(labels[0], [0.25 * 0.0 + 0.5 * 0.4 + 0.25 * 0.8, -0.4])
    np.testing.assert_allclose(labels[1], [0.5, -0.5])
    assert np.isnan(labels[2]).all()


def test_ratings_end_after_a_step_and_bridge_no_gap() -> None:
    table = ratings("a", [0.0, 0.5, 1.0, 10.0, 10.5], [0.2, 0.2, 0.2, 0.8, 0.8])
    labels = window_labels(clips(("a", 0.0, 2.0), ("a", 2.1, 4.0), ("a", 10.5, 1.0), ("a", 10.6, 1.0)), table)
    assert labels[0, 0] == pytest.approx(0.2)
    assert np.isnan(labels[1]).all()
    assert labels[2, 0] == pytest.approx(0.8)
    assert np.isnan(labels[3]).all()  # covered for .4 of 1 s


def test_a_single_rating_has_no_step_and_labels_nothing() -> None:
    assert np.isnan(window_labels(clips(("a", 0.0, 1.0)), ratings("a", [0.0], [0.5]))).all()


@given(
    st.lists(st.floats(-1, 1), min_size=4, max_size=40),
    st.floats(0, 8),
    st.floats(0.5, 6),
    st.integers(0, 2**32 - 1),
)
def test_labels_agree_with_sampling_the_curve_and_do_not_depend_on_order(
    valence: list[float], start: float, duration: float, seed: int
) -> None:
    """The witness: the curve, held from rating to rating, looked up at ten thousand moments of the window."""
    table = ratings("a", [0.5 * k for k in range(len(valence))], valence)
    window = clips(("a", start, duration))
    (label,) = window_labels(window, table.sample(frac=1, random_state=seed))
    moments = start + duration * (np.arange(10_000) + 0.5) / 10_000
    inside = moments < 0.5 * len(valence)
    if abs(inside.mean() - 0.5) < 1e-3:
        return
    if inside.mean() < 0.5:
        assert np.isnan(label).all()
    else:
        looked_up = np.array(valence)[(moments[inside] / 0.5).astype(int)].mean()
        np.testing.assert_allclose(label, [looked_up, -looked_up], atol=2e-3)


def test_a_corpus_is_opened_with_labels_of_windows_and_folds_hold_rated_clips_alone(tmp_path: Path) -> None:
    plain = write_rated_corpus(tmp_path / "c")
    windows = Corpus.open(tmp_path / "c", labels="window")
    assert (plain.label_unit, windows.label_unit) == ("song", "window")
    assert windows.hash == plain.hash
    assert windows.rated is not None
    np.testing.assert_array_equal(windows.rated, np.tile([False, True, True, True], 12))
    np.testing.assert_allclose(windows.labels[5:8, 0], -0.45 + 0.04 * np.arange(1, 4), atol=1e-9)
    np.testing.assert_array_equal(windows.labels[4], plain.labels[4])
    assert windows.clips["valence_std"].isna().all()
    for number in (0, 1):
        own, whole = windows.fold(number), plain.fold(number)
        for part in ("train", "validation", "test"):
            rows = getattr(whole, part)
            np.testing.assert_array_equal(getattr(own, part), rows[windows.rated[rows]])
    again = copy.copy(windows)  # as another process receives it
    np.testing.assert_array_equal(again.labels, windows.labels)
    assert again.label_unit == "window"
    np.testing.assert_array_equal(plain.labels, Corpus.open(tmp_path / "c").labels)  # the corpus is as it was


def test_what_cannot_label_windows_is_refused_in_one_line(tmp_path: Path) -> None:
    plain = write_corpus(tmp_path / "c")
    with pytest.raises(InputError, match="has no ratings over time"):
        Corpus.open(plain.path, labels="window")
    pd.DataFrame({"song_id": ["song0"], "measure": [0], "valence": [0.1], "arousal": [0.1]}).to_parquet(
        plain.path / "dynamic.parquet"
    )
    with pytest.raises(InputError, match="column 'time' is missing"):
        Corpus.open(plain.path, labels="window")
    ratings("song0", [100.0, 100.5], [0.1, 0.2]).to_parquet(plain.path / "dynamic.parquet")
    with pytest.raises(InputError, match="no clip is covered"):
        Corpus.open(plain.path, labels="window")
    with pytest.raises(UsageError, match="no labels of 'clip'"):
        Corpus.open(plain.path, labels="clip")  # type: ignore[arg-type]


def curves_of(corpus: Path, run: Path) -> dict[str, CurveAgreement]:
    """How well a baseline that was trained on labels of windows predicts the curves of songs, by axis."""
    result = api.train.run("baseline", corpus, run, labels="window", features="statistics")
    return {axis: present(curve) for axis, curve in present(result.curves).items()}


def test_windows_of_a_deam_tree_have_the_means_of_its_half_seconds(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    rated, _ = mediaeval_trees.deam(tmp_path / "deam")
    ids = rated.ids[:6]
    mediaeval_trees.sing(tmp_path / "deam/DEAM_audio/MEMD_audio", ids, seconds=42.0)
    out = tmp_path / "corpus"
    done = affetti(
        "prepare", f"deam:{tmp_path / 'deam'}", "--preset", "tiny", "--windows", "all", "--out", out,
        "--folds", "2", "--workers", "1",
    )  # fmt: skip
    assert done.code == 0, done.err
    corpus = Corpus.open(out, labels="window")
    assert corpus.rated is not None
    start = corpus.clips["start"].to_numpy()
    np.testing.assert_array_equal(corpus.rated, start + 5.9 / 2 >= 15.0 - 1e-6)
    table = pd.read_parquet(out / "dynamic.parquet")
    row = int(np.flatnonzero(corpus.rated)[-1])
    song, begins = corpus.songs[row], float(start[row])
    near = table[(table["song_id"] == song) & (table["time"] > begins - 0.5) & (table["time"] < begins + 5.9)]
    assert corpus.labels[row, 0] == pytest.approx(near["valence"].mean(), abs=0.03)
    assert len(near) in (12, 13)
    curves = curves_of(out, tmp_path / "run")
    assert curves["valence"].songs == 3
    assert curves["valence"].rmse_song_mean.value == pytest.approx(0.05 / np.sqrt(12), abs=0.01)  # 12 ratings a window


def test_windows_of_a_pmemo_tree(tmp_path: Path, affetti: Callable[..., Ran]) -> None:
    root, ids = test_pmemo.tree_2019(tmp_path, with_audio=()), test_pmemo.IDS[1:7]
    lines = [
        f"{name},{at},{0.3 + 0.1 * (at >= 18)},{0.4 + 0.05 * k}"
        for k, name in enumerate(ids)
        for at in np.arange(12.0, 42.0, 0.5)
    ]
    test_pmemo.write(root / "annotations" / test_pmemo.DYNAMIC, test_pmemo.OVER_TIME, *lines)
    test_pmemo.sing(root / "chorus", ids, seconds=42.0)
    out = tmp_path / "corpus"
    done = affetti("prepare", f"pmemo:{root}", "--preset", "tiny", "--windows", "all", "--out", out, "--folds", "2")
    assert done.code == 0, done.err
    corpus = Corpus.open(out, labels="window")
    assert corpus.rated is not None
    assert 0 < corpus.rated.sum() < len(corpus)
    late = corpus.clips["start"].to_numpy() >= 18
    early = corpus.rated & (corpus.clips["start"].to_numpy() + 5.9 < 18)
    np.testing.assert_allclose(corpus.labels[late & corpus.rated, 1], 2 * 0.4 - 1)
    np.testing.assert_allclose(corpus.labels[early, 1], 2 * 0.3 - 1)
    curves = curves_of(out, tmp_path / "run")
    assert curves["arousal"].songs == 3
    assert 0 < curves["arousal"].rmse_song_mean.value < 0.1


@pytest.mark.filterwarnings("ignore:Tempo, Key or Time:RuntimeWarning")
def test_measures_of_vgmidi_have_times_and_windows_follow_them(data: Path) -> None:
    """Witness: downbeats by pretty_midi, of the pieces in four-four time whose measures these count."""
    pretty_midi = pytest.importorskip("pretty_midi")
    source = load(f"vgmidi:{data / 'research/VGMIDI'}")
    table = source.tables["dynamic"]
    rated, in_four = 0, 0
    for track in source.tracks[:40]:
        times = table.loc[table["song_id"] == track.song_id, "time"].to_numpy()
        assert (np.diff(times) > 0).all()
        midi = pretty_midi.PrettyMIDI(str(data / "research/VGMIDI" / track.path))
        end = midi.get_end_time()
        rated += times[-1] < end
        beats = midi.get_downbeats()
        if len(beats[beats < end - 1e-3]) == len(times):
            np.testing.assert_allclose(times, beats[: len(times)], atol=0.02)
            in_four += 1
    assert rated == 40
    assert in_four > 25
