from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affetti.corpus.loaders import load
from affetti.errors import InputError, StorageError


def test_the_labels_are_those_derived_from_the_raw_series_by_others(data: Path) -> None:
    tree = data / "research/VGMIDI"
    source = load(f"vgmidi:{tree}")
    witness = pd.read_csv(tree / "derived_va_per_piece.csv").set_index("id")
    tracks = {track.track_id: track for track in source.tracks}
    assert set(tracks) == set(witness.index)
    assert len(tracks) > 100
    for name in ("valence", "arousal"):
        mean = np.array([getattr(tracks[i].labels, name) for i in witness.index])
        std = np.array([getattr(tracks[i].labels, f"{name}_std") for i in witness.index])
        np.testing.assert_allclose(mean, witness[f"{name}_mean"], atol=6e-5)
        # Theirs divides by k (ddof 0), ours by k - 1, which is what the ceiling needs.
        k = witness["n_annotators"].to_numpy()
        np.testing.assert_allclose(std * np.sqrt((k - 1) / k), witness[f"{name}_sd"], atol=6e-5)
        assert np.abs(std - witness[f"{name}_sd"]).max() > 1e-3
    assert [tracks[i].labels.raters for i in witness.index] == witness["n_annotators"].tolist()
    assert [Path(tracks[i].path).name for i in witness.index] == witness["midi"].tolist()


def test_a_series_of_games_stays_in_one_fold(data: Path) -> None:
    tracks = load(f"vgmidi:{data / 'research/VGMIDI'}").tracks
    assert {track.artist for track in tracks} >= {"Final Fantasy", "Dragon Quest", ""}
    assert all(Path(track.path).name.startswith(track.artist or "Other") for track in tracks)
    assert len({track.song_id for track in tracks}) == len(tracks)


def tree(folder: Path, raw: Any, midi: tuple[str, ...] = ("G_NES_a.mid",), part: int = 1) -> Path:
    for name in ("annotations", "midi"):
        (folder / "labelled" / name).mkdir(parents=True, exist_ok=True)
    for name in midi:
        (folder / "labelled/midi" / name).touch()
    (folder / f"labelled/annotations/vgmidi_raw_{part}.json").write_text(
        raw if isinstance(raw, str) else json.dumps(raw), encoding="utf-8"
    )
    return folder


def raw(**series: Any) -> dict[str, Any]:
    return {"pieces": {"piece1": {"midi": "G_NES_a.mid"}}, "annotations": series}


def said(*values: float) -> dict[str, list[float]]:
    return {"valence": list(values), "arousal": [-value for value in values]}


def test_a_listener_counts_once_however_long_their_series(tmp_path: Path) -> None:
    first = {"valence": [0.0, 0.0, 0.0, 0.0], "arousal": [0.2]}
    second = {"valence": [1.0], "arousal": [0.4, 0.6]}
    other = {"valence": [-1.0], "arousal": [-1.0]}
    source = load(f"vgmidi:{tree(tmp_path, raw(piece1_1=first, piece1_2=second, piece11_1=other))}")
    labels = source.tracks[0].labels
    assert (labels.valence, labels.arousal, labels.raters) == pytest.approx((0.5, 0.35, 2))
    assert labels.valence_std == pytest.approx(np.sqrt(0.5))
    table = source.tables["dynamic"]
    assert list(table.columns) == ["song_id", "measure", "time", "valence", "arousal"]
    assert (table["song_id"] == "r1_piece1").all()
    np.testing.assert_allclose(table["measure"], [0, 1, 2, 3])
    np.testing.assert_allclose(table["valence"], [0.5, 0, 0, 0])
    np.testing.assert_allclose(table["arousal"], [0.3, 0.6, np.nan, np.nan])


def test_true_series_over_measures_have_the_labels_as_their_mean(data: Path) -> None:
    source = load(f"vgmidi:{data / 'research/VGMIDI'}")
    means = source.tables["dynamic"].groupby("song_id")[["valence", "arousal"]].mean()
    assert len(source.tables["dynamic"]) == 6089
    for track in source.tracks:
        assert means.loc[track.song_id].to_numpy().tolist() == pytest.approx(
            [track.labels.valence, track.labels.arousal], abs=5e-3
        )


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        ('{"pieces": {', StorageError, "not valid JSON"),
        ([1, 2], InputError, "not VGMIDI's annotations"),
        (
            {"pieces": {"piece1": {}}, "annotations": {}},
            InputError,
            "raw_1.json: not VGMIDI's annotations .KeyError",
        ),
        (raw(piece1_1={"valence": [0.1]}), InputError, "not VGMIDI's annotations .KeyError..arousal"),
        (raw(piece1_1={"valence": ["a"], "arousal": [0.1]}), InputError, "not VGMIDI's annotations .ValueError"),
        (raw(piece1_1={"valence": [None], "arousal": [0.1]}), InputError, "not VGMIDI's annotations .TypeError"),
        (raw(piece2_1={"valence": [0.1], "arousal": [0.1]}), InputError, "raw_1.json: no listener rated piece1"),
    ],
)
def test_annotations_that_cannot_be_used_are_reported(
    tmp_path: Path, content: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        load(f"vgmidi:{tree(tmp_path, content)}")


@pytest.mark.parametrize("bad", [{"valence": [0.1, 1.2], "arousal": [0.1, 0.1]}, {"valence": [], "arousal": [0.1]}])
def test_a_piece_with_an_invalid_rating_is_left_out(tmp_path: Path, bad: dict[str, list[float]]) -> None:
    content = raw(piece1_1=said(0.1), piece1_2=bad, piece2_1=said(0.2))
    content["pieces"]["piece2"] = {"midi": "G_NES_a.mid"}
    source = load(f"vgmidi:{tree(tmp_path, content)}")
    assert [track.song_id for track in source.tracks] == ["r1_piece2"]
    assert source.refused == [("r1_piece1", "vgmidi_raw_1.json: a rating is missing or outside [-1, 1]")]
    assert (source.checks[0].check, source.checks[0].verdict, source.checks[0].n) == ("out_of_range", "suspect", 1)


def test_missing_scores_are_counted(tmp_path: Path) -> None:
    content = raw(piece1_1=said(0.1), piece2_1=said(0.3))
    content["pieces"]["piece2"] = {"midi": "none.mid"}
    source = load(f"vgmidi:{tree(tmp_path, content)}")
    assert [(track.song_id, track.path) for track in source.absent] == [("r1_piece2", "labelled/midi/none.mid")]
    assert source.notes[1:] == (
        "no vgmidi_raw_2.json: its pieces are not read",
        "1 of 2 annotated pieces have no MIDI file here",
    )
    (tmp_path / "labelled/midi/G_NES_a.mid").unlink()
    alone = load(f"vgmidi:{tmp_path}")
    assert (len(alone.tracks), len(alone.absent)) == (0, 2)


def test_a_folder_above_is_enough_and_the_order_of_series_makes_no_difference(tmp_path: Path) -> None:
    series = {f"piece1_{i}": said(0.1 * i, -0.2, 0.05 * i) for i in range(8)}
    tree(tmp_path / "down/vgmidi", raw(**series))
    tree(tmp_path / "down/vgmidi", raw(**dict(reversed(series.items()))), part=2)
    first, second = load(f"vgmidi:{tmp_path}").tracks
    assert (first.song_id, second.song_id) == ("r1_piece1", "r2_piece1")
    assert first.path == "down/vgmidi/labelled/midi/G_NES_a.mid"
    for name in ("valence", "arousal", "valence_std", "arousal_std", "raters"):
        assert getattr(first.labels, name) == pytest.approx(getattr(second.labels, name))


def test_a_folder_without_annotations_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no annotations of VGMIDI .expected vgmidi_raw_1.json and vgmidi_raw_2"):
        load(f"vgmidi:{tmp_path}")
