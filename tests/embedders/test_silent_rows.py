from __future__ import annotations

import numpy as np
import pytest
from tests.material import mels

from affetti.embedders.silent_rows import silent_rows
from affetti.presets import front_end

LOUD = mels(6, (16, 64), 0).numpy()


def test_rows_in_decibels_are_silent_by_level_or_at_one_level() -> None:
    mel = LOUD.copy()
    mel[1] = -100.0
    mel[2] = -75.0 + 5.0 * np.sin(np.arange(64))
    mel[4] = -30.0 + 0.2 * np.sin(np.arange(64))
    for known in (front_end("tiny"), None):
        assert silent_rows(mel, known).tolist() == [1, 2, 4]
        assert silent_rows(mel.astype(np.float16), known).tolist() == [1, 2, 4]
        assert silent_rows(LOUD, known).tolist() == []
    mel[:] = -100.0
    assert len(silent_rows(mel)) == 6


@pytest.mark.parametrize(
    ("scale", "quiet"),
    [
        pytest.param(lambda mel: (mel + 100.0) / 50.0 - 1.0, -1.0, id="[-1, 1]"),
        pytest.param(lambda mel: 10.0 ** (mel / 10.0), 0.0, id="power"),
        pytest.param(lambda mel: mel * np.log(10) / 10.0, -23.0, id="natural logarithm"),
    ],
)
def test_on_another_scale_only_equal_values_are_silence(scale: object, quiet: float) -> None:
    mel = scale(LOUD)  # type: ignore[operator]
    mel[3] = quiet
    mel[5] = mel[5] / 1e3 + quiet  # quiet or nearly level, and music for all that is known
    assert silent_rows(mel).tolist() == [3]
