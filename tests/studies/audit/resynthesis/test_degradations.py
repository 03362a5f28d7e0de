from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affetti import metrics
from affetti.corpus import Corpus
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.resynthesis.degradations import STEP_DB, degradations


@pytest.fixture(scope="module")
def context(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> AuditContext:
    return AuditContext(corpus, tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="module")
def climbed(context: AuditContext) -> dict[str, NDArray[np.float32]]:
    rows = context.select_rows(12)
    mels = np.asarray(context.corpus.mel[rows], dtype=np.float32)
    return {"clips": mels} | {
        degradation.name: degradation.apply(context, rows, mels) for degradation in degradations()
    }


def test_every_degradation_gives_log_mels_of_the_same_shape(climbed: dict[str, NDArray[np.float32]]) -> None:
    for name, mels in climbed.items():
        assert mels.shape == climbed["clips"].shape, name
        assert np.isfinite(mels).all(), name


def test_the_more_a_degradation_leaves_out_the_farther_its_clips_are(climbed: dict[str, NDArray[np.float32]]) -> None:
    clips = climbed.pop("clips")
    apart = {name: float(np.sqrt(((mels - clips) ** 2).mean())) for name, mels in climbed.items()}
    climbed["clips"] = clips
    assert apart["quantised"] == pytest.approx(STEP_DB / np.sqrt(12), rel=0.05)  # of an even quantiser
    assert apart["quantised"] < apart["griffin_lim"] < apart["bands_128"] < apart["bands_32"] < apart["noise"]
    assert apart["bands_64"] == pytest.approx(apart["roundtrip"], rel=0.05)  # tiny has 64 bands of its own
    assert apart["latent"] < apart["noise"]
    assert apart["latent"] < apart["latent_seconds"] < apart["noise"]
    assert apart["stft"] < 0.1  # dB: nothing is lost but the rounding
    # With one inverse, what has no floor is no farther than what has one, and all lose more than the better inverse.
    assert apart["bands_128"] < apart["scale_magnitudes"] <= apart["scale_mel"] + 0.05 < apart["noise"]


def test_a_generator_that_draws_from_its_training_clips_makes_nothing_new(
    climbed: dict[str, NDArray[np.float32]],
) -> None:
    clips = {mel.tobytes() for mel in climbed["clips"]}
    assert {mel.tobytes() for mel in climbed["resampled"]} < clips


def test_noise_has_the_mean_and_the_deviation_of_each_band(climbed: dict[str, NDArray[np.float32]]) -> None:
    for statistic in (np.mean, np.std):
        a, b = (statistic(climbed[name], axis=(0, 2)) for name in ("clips", "noise"))
        np.testing.assert_allclose(b, a, rtol=0.1, atol=1.0)


def test_the_latent_has_not_seen_the_clips(context: AuditContext) -> None:
    latent = next(degradation for degradation in degradations() if degradation.name == "latent")
    rows = context.select_rows(4)
    mels = np.asarray(context.corpus.mel[rows], dtype=np.float32)
    once = latent.apply(context, rows, mels)
    changed = latent.apply(context, rows, np.concatenate([mels[:1], mels[1:] - 20]))
    np.testing.assert_allclose(once[0], changed[0], atol=1e-3)  # what the others are does not matter


def test_a_degradation_can_be_scored(context: AuditContext) -> None:
    rows = context.select_rows(20)
    mels = np.asarray(context.corpus.mel[rows], dtype=np.float32)
    noise = next(degradation for degradation in degradations() if degradation.name == "noise").apply(
        context, rows, mels
    )
    assert metrics.quality_score(mels, noise).score < 30


def test_sound_is_composed_again_where_none_was_kept(context: AuditContext) -> None:
    row = 5
    again = context.log_mel(context.waveform(row))
    np.testing.assert_allclose(again, context.corpus.mel[row].astype(np.float32), atol=0.05)  # float16 in the corpus
    kept = context.save_sound("ceiling", "from 64 bands", "rebuilt", context.waveform(row))
    assert kept.file == "sounds/ceiling-from-64-bands.flac"
    assert (context.folder / kept.file).stat().st_size > 1_000
