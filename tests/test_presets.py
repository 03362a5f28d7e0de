from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from affetti.errors import UsageError
from affetti.presets import (
    A1,
    C1,
    CONSTANT_Q_FRONT_ENDS,
    FRONT_ENDS,
    MEL_FRONT_ENDS,
    ConstantQFrontEnd,
    FrontEnd,
    MelFrontEnd,
    front_end,
    mel_front_end,
    with_mel_bands,
)

# The table of section 5 of the design, typed in: rate, n_fft, hop, bands, low, high, frames, seconds.
TABLE = {
    "paper": (22_050, 2_048, 512, 128, 20, 8_000, 1_292, 30.0),
    "paper45": (22_050, 2_048, 512, 128, 20, 8_000, 1_938, 45.0),
    "full-band": (22_050, 2_048, 512, 128, 0, 11_025, 1_292, 30.0),
    "tiny": (22_050, 2_048, 1_024, 64, 20, 8_000, 128, 5.9),
}


def test_the_presets_are_those_of_the_design() -> None:
    made = {
        name: (f.sample_rate, f.n_fft, f.hop_length, f.n_mels, f.f_min, f.f_max, f.frames, f.seconds)
        for name, f in MEL_FRONT_ENDS.items()
    }
    assert made == TABLE
    constant_q = {
        name: (f.sample_rate, f.hop_length, f.f_min, f.n_bins, f.bins_per_octave, f.frames, f.seconds)
        for name, f in CONSTANT_Q_FRONT_ENDS.items()
    }
    assert constant_q == {
        "cqt-tiny": (22_050, 1_024, A1, 80, 12, 128, 5.9),
        "cqt": (22_050, 512, C1, 96, 12, 1_292, 30.0),
    }
    assert round(C1, 2) == 32.70


@pytest.mark.parametrize("base", [MelFrontEnd(), ConstantQFrontEnd()])
def test_every_setting_is_in_the_hash(base: FrontEnd) -> None:
    factor = dict.fromkeys((f.name for f in fields(base)), 0.5) | {"sample_rate": 2, "bins_per_octave": 2}
    changed = [replace(base, **{name: getattr(base, name) * factor[name]}) for name in base.to_dict()]
    hashes = {front.hash for front in (*changed, base)}
    assert len(hashes) == len(fields(base)) + 1


def test_the_defaults_are_paper_and_cqt() -> None:
    assert ConstantQFrontEnd().hash == front_end("cqt").hash
    assert MelFrontEnd().hash == front_end("paper").hash


def test_the_hashes_of_the_presets_never_change() -> None:
    # Corpora and models on users' disks carry them.
    assert {name: front.hash for name, front in FRONT_ENDS.items()} == {
        "tiny": "2f620b0a61b5",
        "paper": "d71d52a6d7b7",
        "paper45": "0cee95e1914a",
        "full-band": "a2b9065e45e2",
        "cqt-tiny": "a0fdbf887b4a",
        "cqt": "342a8d7e1571",
    }


@pytest.mark.parametrize(("name", "says"), [("papper", "Did you mean paper"), ("zzz", "Choose from tiny, paper")])
def test_the_error_of_an_unknown_preset_lists_the_presets(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        front_end(name)


@pytest.mark.parametrize(
    "settings",
    [{"f_max": 12_000.0}, {"f_min": 9_000.0}, {"f_min": -1.0}, {"hop_length": 0}, {"n_mels": -4}, {"seconds": 0.0}],
)
def test_an_impossible_front_end_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="front-end"):
        MelFrontEnd(**settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sample_rate": 8_000}, "8000 samples a second are too few for the highest bin, 7,902 Hz.*Take 16,4"),
        ({"seconds": 0.5}, r"clips of 0\.5 s are shorter than the lowest bin's kernel, 0\.53 s"),
        ({"f_min": 0.0}, "f_min 0 is not positive"),
        ({"n_bins": 0}, "n_bins 0 is not positive"),
        ({"bins_per_octave": 0}, "bins_per_octave 0 is not positive"),
    ],
)
def test_an_impossible_constant_q_front_end_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ConstantQFrontEnd(**settings)


def test_mel_bands_of_any_front_end_keep_its_frames() -> None:
    for name, front in FRONT_ENDS.items():
        mel = with_mel_bands(front, 40)
        assert (mel.shape, mel.sample_rate) == ((40, front.frames), front.sample_rate), name
    assert with_mel_bands(front_end("full-band"), 128) == front_end("full-band")
    with pytest.raises(UsageError, match="cqt-tiny has no mel bands"):
        mel_front_end("cqt-tiny")
