from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from affetti.errors import UsageError
from affetti.presets import FRONT_ENDS, FrontEnd, front_end

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
        for name, f in FRONT_ENDS.items()
    }
    assert made == TABLE


def test_every_setting_is_in_the_hash() -> None:
    base = FrontEnd()
    factor = dict.fromkeys((f.name for f in fields(FrontEnd)), 0.5) | {"sample_rate": 2}
    changed = [replace(base, **{name: getattr(base, name) * by}) for name, by in factor.items()]
    hashes = {front.hash for front in (*changed, base)}
    assert len(hashes) == len(fields(FrontEnd)) + 1
    assert FrontEnd().hash == front_end("paper").hash


def test_the_hashes_of_the_presets_never_change() -> None:
    # Corpora and models on users' disks carry them.
    assert {name: front.hash for name, front in FRONT_ENDS.items()} == {
        "tiny": "2f620b0a61b5",
        "paper": "d71d52a6d7b7",
        "paper45": "0cee95e1914a",
        "full-band": "a2b9065e45e2",
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
        FrontEnd(**settings)
