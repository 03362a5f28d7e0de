from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from affetti.corpus.track import AudioFile, Labels, MidiFile, Track
from affetti.errors import InputError, UsageError

TRACK = Track(
    "t", "s", "t.wav", AudioFile(Path("t.wav")), Labels(0.1, -0.2), mode="major", instruments=("piano", "bass")
)


@given(duration=st.floats(0, 300), clip=st.floats(0.5, 60), windows=st.sampled_from(["centre", "first", "all"]))
def test_clips_lie_inside_the_track_and_do_not_overlap(duration: float, clip: float, windows: Any) -> None:
    starts = TRACK.starts(duration, clip, windows)
    assert all(at >= 0 and at + clip <= duration + 2e-6 for at in starts)
    assert all(b - a >= clip - 1e-9 for a, b in pairwise(starts))
    assert bool(starts) == (duration >= clip - 1e-6)


def test_windows_are_at_their_stated_starts() -> None:
    assert TRACK.starts(10.0, 4.0, "centre") == [3.0]
    assert TRACK.starts(10.0, 4.0, "first") == [0.0]
    assert TRACK.starts(10.0, 4.0, "all") == [0.0, 4.0]
    assert TRACK.starts(12.0, 4.0, "all") == [0.0, 4.0, 8.0]
    assert TRACK.starts(3.9, 4.0, "all") == []


def test_unknown_windows_are_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown windows 'middle'. Choose from centre, first, all"):
        TRACK.starts(10.0, 4.0, "middle")  # type: ignore[arg-type]


def test_a_track_describes_all_its_clips_in_the_same_way() -> None:
    assert TRACK.describe(0.0, 5.9)["instruments"] == "piano|bass"
    assert TRACK.describe(0.0, 5.9)["raters"] == 0
    assert TRACK.describe(0.0, 5.9)["valence"] == TRACK.describe(9.0, 5.9)["valence"] == 0.1
    assert TRACK.tables() == {}


def test_a_track_can_be_pickled() -> None:
    assert repr(pickle.loads(pickle.dumps(TRACK))) == repr(TRACK)  # noqa: S301 - made on the line


def test_a_file_is_identified_by_its_bytes_and_a_change_by_its_stamp(tmp_path: Path) -> None:
    samples = np.sin(np.arange(4_000, dtype=np.float32))
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, samples, 8_000)
    a, b = AudioFile(tmp_path / "a.wav"), AudioFile(tmp_path / "b.wav")
    assert a.fingerprint() == b.fingerprint()
    before = a.stamp()
    assert a.stamp() == before
    soundfile.write(tmp_path / "a.wav", samples[:-1], 8_000)
    assert a.stamp() != before
    assert a.fingerprint() != b.fingerprint()
    assert AudioFile(tmp_path / "none.wav").stamp() == "absent"
    np.testing.assert_allclose(b.waveform(8_000), samples, atol=2**-15)


def test_a_file_that_is_not_midi_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"MThd but no more")
    with pytest.raises(InputError, match="MIDI"):
        MidiFile(tmp_path / "a.mid").waveform(22_050)
