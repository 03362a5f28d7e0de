from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affetti.compose import score
from affetti.compose.renderer import render_midi, save_midi
from affetti.corpus.loaders import load
from affetti.corpus.track import MidiFile, Options
from affetti.errors import InputError


def test_a_folder_of_midi_becomes_tracks_that_sound(tmp_path: Path) -> None:
    save_midi(score.compose(0, 0), tmp_path / "a.mid")
    (tmp_path / "labels.csv").write_text("file,valence,arousal,song\na.mid,3,7,one\n", encoding="utf-8")
    source = load(f"midi:{tmp_path}", Options(scale="1..9"))
    track = source.tracks[0]
    assert (source.name, source.dataset.scale, track.song_id) == ("midi", "1..9", "one")
    assert (track.labels.valence, track.labels.arousal) == (-0.5, 0.5)
    assert track.sound == MidiFile(tmp_path / "a.mid")
    np.testing.assert_array_equal(track.sound.waveform(8_000), render_midi(tmp_path / "a.mid", 8_000))


def test_a_missing_score_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,valence,arousal\na.mid,-1,0\n", encoding="utf-8")
    with pytest.raises(InputError, match="no such file"):
        load(f"midi:{tmp_path}")
