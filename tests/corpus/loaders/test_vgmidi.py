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


def test_a_series_of_games_stays_on_one_side(data: Path) -> None:
    tracks = load(f"vgmidi:{data / 'research/VGMIDI'}").tracks
    assert {track.artist for track in tracks} >= {"Final Fantasy", "Dragon Quest", ""}
    assert all(Path(track.path).name.startswith(track.artist or "Other") for track in tracks)
    assert len({track.song_id for track in tracks}) == len(tracks)


def tree(folder: Path, raw: Any, midi: tuple[str, ...] = ("G_NES_a.mid",)) -> Path:
    for name in ("annotations", "midi"):
        (folder / "labelled" / name).mkdir(parents=True)
    for name in midi:
        (folder / "labelled/midi" / name).touch()
    (folder / "labelled/annotations/vgmidi_raw_1.json").write_text(
        raw if isinstance(raw, str) else json.dumps(raw), encoding="utf-8"
    )
    return folder


def raw(**series: Any) -> dict[str, Any]:
    return {"pieces": {"piece1": {"midi": "G_NES_a.mid"}}, "annotations": series}


def test_a_listener_counts_once_however_long_their_series(tmp_path: Path) -> None:
    first = {"valence": [0.0, 0.0, 0.0, 0.0], "arousal": [0.2]}
    second = {"valence": [1.0], "arousal": [0.4, 0.6]}
    other = {"valence": [-1.0], "arousal": [-1.0]}
    folder = tree(tmp_path, raw(piece1_1=first, piece1_2=second, piece11_1=other))
    labels = load(f"vgmidi:{folder}").tracks[0].labels
    assert (labels.valence, labels.arousal, labels.raters) == (0.5, 0.35, 2)
    assert labels.valence_std == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        ('{"pieces": {', StorageError, "not valid JSON"),
        ([1, 2], InputError, "not VGMIDI's annotations"),
        ({"pieces": {"piece1": {}}, "annotations": {}}, InputError, "not VGMIDI's annotations"),
        (raw(piece1_1={"valence": [0.1]}), InputError, "not VGMIDI's annotations"),
        (raw(piece2_1={"valence": [0.1], "arousal": [0.1]}), InputError, "no listener rated piece1"),
        (raw(piece1_1={"valence": [1.2], "arousal": [0.1]}), InputError, "valence outside"),
        (raw(piece1_1={"valence": [], "arousal": [0.1]}), InputError, "valence outside"),
    ],
)
def test_annotations_that_cannot_be_used_are_told(
    tmp_path: Path, content: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        load(f"vgmidi:{tree(tmp_path, content)}")


def test_scores_that_are_not_there_are_counted(tmp_path: Path) -> None:
    content = raw(piece1_1={"valence": [0.1], "arousal": [0.1]})
    content["pieces"]["piece2"] = {"midi": "none.mid"}
    assert "1 annotated pieces have no MIDI file here" in load(f"vgmidi:{tree(tmp_path / 'a', content)}").notes
    with pytest.raises(InputError, match="no labelled MIDI file"):
        load(f"vgmidi:{tree(tmp_path / 'b', content, midi=())}")
