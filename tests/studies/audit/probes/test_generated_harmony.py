"""What generated clips keep of harmony."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.material import present, write_corpus
from tests.signal.test_harmony import RATE, cadence
from tests.studies.audit.sounding import hurried

from affetti.corpus import Corpus
from affetti.presets import MelFrontEnd
from affetti.progress import silent
from affetti.signal.mel import MelSpectrogram
from affetti.storage import read_json, write_json
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes.generated_harmony import generated_harmony, log_mel_harmony

FRONT = MelFrontEnd(hop_length=1024, n_mels=256, seconds=5.9)
SONGS = 24


@pytest.fixture(scope="module")
def mels() -> dict[str, np.ndarray]:
    """Log-mels of 256 bands: cadences in four keys of either mode, and noise."""
    analyse = MelSpectrogram(FRONT)
    shown: dict[str, np.ndarray] = {}
    for mode in ("major", "minor"):
        waves = [torch.nn.functional.pad(cadence(mode, by), (0, FRONT.samples))[: FRONT.samples] for by in (0, 2, 5, 9)]
        shown[mode] = np.stack([analyse(wave).numpy() for wave in waves])
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(0.1 * rng.normal(size=(4, round(FRONT.seconds * RATE)))).float()
    shown["noise"] = analyse(noise).numpy()
    return shown


def clips(folder: Path, mels: dict[str, np.ndarray], kinds: list[str], songs: list[str] | None = None) -> Path:
    """A corpus of such clips, one a song, whose valence follows the mode."""
    valence = np.array(
        [{"major": 0.5, "minor": -0.5, "noise": 0.5 * (-1) ** (i // 4)}[kind] for i, kind in enumerate(kinds)]
    )
    write_corpus(folder, len(kinds), 1, FRONT, valence=valence)
    np.save(folder / "mel.npy", np.stack([mels[kind][i % 4] for i, kind in enumerate(kinds)]).astype(np.float16))
    if songs is not None:
        meta = read_json(folder / "corpus.json")
        write_json(folder / "corpus.json", meta | {"provenance": {"training_songs": songs}})
    return folder


def test_clips_that_keep_the_harmony_are_told_from_those_that_lose_it(
    mels: dict[str, np.ndarray], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    kinds = rng.permutation(["major", "minor"] * (SONGS // 2)).tolist()
    real = clips(tmp_path / "real", mels, kinds)
    trained = [f"song{i}" for i in range(14)]
    keeps = clips(tmp_path / "keeps", mels, kinds[:12], trained)
    loses = clips(tmp_path / "loses", mels, ["noise"] * 12, trained)
    context = AuditContext(Corpus.open(real), tmp_path / "audit", generated=(("flow", keeps), ("gan", loses)))
    with hurried():
        by_name = {it.name: it for it in generated_harmony(context, silent)}
    assert set(by_name) == {
        f"{what}_{who}" for what in ("key_strength", "valence_in_harmony") for who in ("flow", "gan", "real")
    }
    assert present(by_name["valence_in_harmony_real"].value) > 0.8
    assert present(by_name["valence_in_harmony_flow"].value) > 0.8
    assert abs(present(by_name["valence_in_harmony_gan"].value)) < 0.5
    strength = {who: present(by_name[f"key_strength_{who}"].value) for who in ("real", "flow", "gan")}
    assert strength["flow"] == pytest.approx(strength["real"], abs=0.1)
    assert strength["gan"] < strength["real"] - 0.2
    assert (by_name["key_strength_flow"].n, by_name["key_strength_real"].n) == (12, SONGS - 14)


def test_a_generator_of_too_few_songs_or_none_is_said(mels: dict[str, np.ndarray], tmp_path: Path) -> None:
    real = clips(tmp_path / "real", mels, ["major", "minor"] * 4)
    context = AuditContext(Corpus.open(real), tmp_path / "audit")
    assert {it.note for it in generated_harmony(context, silent)} == {
        "not measurable here: needs a generator: give --models"
    }
    few = clips(tmp_path / "few", mels, ["major"] * 4, ["song0", "song1"])
    context = AuditContext(Corpus.open(real), tmp_path / "audit", generated=(("gan", few),))
    assert all("needs real songs" in it.note for it in generated_harmony(context, silent))


def test_numbers_of_one_silent_clip_are_finite() -> None:
    numbers = log_mel_harmony(np.full((1, *FRONT.shape), -100.0, np.float16), [0], FRONT)
    assert numbers.shape == (1, 26)
    assert np.isfinite(numbers).all()
    np.testing.assert_allclose(numbers[0, :24], 1 / 12)
