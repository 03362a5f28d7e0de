from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.material import LEAN, sha

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import InputError, MismatchError, StorageError, UsageError
from affetti.inference.run_vocoder import RunVocoder
from affetti.presets import front_end
from affetti.signal.vocoder import Vocoder
from affetti.training import run as runs

TINY = front_end("tiny")


@pytest.fixture(scope="module")
def vocoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps."""
    folder = tmp_path_factory.mktemp("vocoded")
    api.prepare.run("composed", folder / "corpus", clips=32, folds=2, workers=1, keep_audio=True)
    settings = LEAN["flow"] | {"head_width": 16, "head_blocks": 1, "iterations": 2}
    api.train.run("vocoded", folder / "corpus", folder / "run", steps=4, batch_size=4, settings=settings)
    return folder / "run"


def test_a_run_comes_back_as_it_was_saved(vocoded: Path) -> None:
    trained = runs.load(vocoded)
    assert trained.sounds
    assert trained.meta.config["front_end"] == "tiny"
    mel = torch.from_numpy(np.load(vocoded.parent / "corpus/mel.npy")[0].astype(np.float32))
    vocoder: Vocoder = RunVocoder(vocoded, TINY)
    sound = vocoder(mel)
    assert sound.shape == (127 * 1_024,)
    assert torch.equal(sound, RunVocoder(vocoded, TINY)(mel))


def test_it_generates_a_corpus_with_sound_whatever_the_workers(vocoded: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        api.generate.run(vocoded, 3, tmp_path / str(workers), emotions="matched", workers=workers)
    files = [sorted((tmp_path / str(workers) / "audio").iterdir()) for workers in (1, 2)]
    assert [sha(file) for file in files[0]] == [sha(file) for file in files[1]]
    assert len(Corpus.open(tmp_path / "1")) == len(files[0]) == 3


def test_training_starts_from_it_though_a_field_is_left_out(vocoded: Path, tmp_path: Path) -> None:
    corpus, out = vocoded.parent / "corpus", tmp_path / "run"
    api.train.run("vocoded", corpus, out, steps=1, batch_size=4, init=vocoded, without=["section"])
    before, after = runs.load(vocoded), runs.load(out)
    assert "section" in before.fields.columns
    assert "section" not in after.fields.columns
    latent = {name: value for name, value in before.model.state_dict().items() if name.startswith("flow.latent.")}
    assert latent
    assert all(torch.equal(after.model.state_dict()[name], value) for name, value in latent.items())
    assert after.meta.initial_weights == before.meta.weights_sha256


def test_generate_plays_another_models_log_mels_through_it(
    vocoded: Path, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    api.generate.run(run_of("flow"), 2, tmp_path / "a", audio=True, vocoder=str(vocoded), workers=1)
    api.generate.run(run_of("flow"), 2, tmp_path / "b", audio=True, workers=1)
    learnt, default = (soundfile.read(tmp_path / name / "audio/flow-000000.flac")[0] for name in "ab")
    assert not np.array_equal(learnt, default)
    assert np.array_equal(np.load(tmp_path / "a/mel.npy"), np.load(tmp_path / "b/mel.npy"))
    assert Corpus.open(tmp_path / "a").meta["provenance"]["vocoder"] == str(vocoded)


def test_what_is_no_vocoder_is_refused_in_one_line(
    vocoded: Path, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"a flow has no vocoder\. Give a run of vocoded"):
        RunVocoder(run_of("flow"), TINY)
    with pytest.raises(MismatchError, match="hop_length 1024, not 512"):
        RunVocoder(vocoded, replace(TINY, hop_length=512))
    with pytest.raises(StorageError, match="no such folder"):
        RunVocoder(tmp_path / "nowhere", TINY)
    vocoder = RunVocoder(vocoded, TINY)
    for wrong in (torch.zeros(10, 8), torch.full((64, 8), torch.nan), torch.zeros(64, 0)):
        with pytest.raises(InputError, match="log-mel"):
            vocoder(wrong)
