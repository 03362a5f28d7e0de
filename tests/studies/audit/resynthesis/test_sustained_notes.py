from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.studies.audit.sounding import hurried

from affetti import compose
from affetti.presets import FRONT_ENDS
from affetti.studies.audit.resynthesis.sustained_notes import (
    INSTRUMENTS,
    PIECE_SAMPLES,
    flutter,
    held_note,
    measurements,
)

RATE = 22_050
SONG = compose.compose(3, 1)


def tone(depth: float = 0.0, rate: float = 2.0, seconds: float = 4.0) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    # Of a multiple of the pieces' rate, so that every piece has whole periods.
    carrier = torch.sin(2 * torch.pi * 20 * RATE / PIECE_SAMPLES * time)
    return ((1 + depth * torch.sin(2 * torch.pi * rate * time)) * carrier).float()


def test_a_steady_tone_does_not_flutter() -> None:
    assert flutter(tone()) < 1e-3
    assert flutter(0.01 * tone()) < 1e-3


@pytest.mark.parametrize("depth", [0.1, 0.5])
def test_flutter_is_the_deviation_of_the_level(depth: float) -> None:
    phase = np.linspace(0, 2 * np.pi, 10_000, endpoint=False)
    wanted = np.std(20 * np.log10(1 + depth * np.sin(phase)))
    assert flutter(tone(depth)) == pytest.approx(wanted, rel=0.03)


def test_silence_does_not_flutter() -> None:
    assert flutter(torch.zeros(RATE)) == 0.0


@pytest.mark.parametrize(("instrument", "pitch"), [("flute", 69), ("clarinet", 57), ("organ", 64)])
def test_a_held_note_sounds_at_its_pitch_to_its_end(instrument: str, pitch: int) -> None:
    wave = held_note(SONG, INSTRUMENTS[instrument], pitch, RATE).numpy()
    assert len(wave) == 4 * RATE
    spectrum = np.abs(np.fft.rfft(wave[RATE:-RATE] * np.hanning(2 * RATE)))
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    partials = [spectrum[round(2 * k * hertz) - 12 : round(2 * k * hertz) + 13].max() for k in (1, 2, 3)]
    assert max(partials) == spectrum.max()
    early, late = (np.sqrt(np.mean(wave[at : at + RATE] ** 2)) for at in (RATE, 3 * RATE))
    assert late > 0.5 * early > 0


def test_phases_that_do_not_fit_make_notes_flutter_and_good_ones_do_not() -> None:
    with hurried():
        by_name = {it.name: it for it in measurements(SONG, FRONT_ENDS["paper"], 1)}
    added = {name: it.value or 0.0 for name, it in by_name.items()}
    assert added["sustained_change_random"] > 1.0
    assert 0.05 < added["sustained_change_griffin_lim"] < added["sustained_change_random"]
    assert abs(added["sustained_change_fast"]) < 0.1
    assert abs(added["sustained_change"]) < 0.2
    assert all(it.of == "notes" and it.n == len(INSTRUMENTS) for it in by_name.values())
