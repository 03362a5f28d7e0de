"""The scorecard in features of choice, from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import RATE
from tests.embedders.sets import TINY, made_up, recordings

from affetti import api, metrics
from affetti.corpus import Corpus
from affetti.embedders import cache, taggers
from affetti.errors import AffettiError, InputError, MismatchError
from affetti.signal import audio
from affetti.studies.scorecard.result import Features
from affetti.training import run as runs


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "musicnn.pth"
    torch.save(made_up("musicnn").state_dict(), path)
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("sets")
    return recordings(root / "real", 8), recordings(root / "fake", 8, first=100)


def sounds(folder: Path) -> torch.Tensor:
    """Clips at 16 kHz, put together without the code under test."""
    length = (TINY.frames - 1) * TINY.hop_length
    start = (6 * RATE - TINY.samples) // 2
    waves = [audio.load(path, RATE).numpy()[start : start + length] for path in sorted(folder.iterdir())]
    return torch.from_numpy(np.stack([audio.resample(wave, RATE, 16_000) for wave in waves]))


def test_embeddings_of_a_tagger_are_compared_without_scaling(folders: tuple[Path, Path], weights: Path) -> None:
    real, fake = folders
    card = api.score.run(real, fake, preset="tiny", features=f"musicnn:{weights}")
    version = taggers.tagger_embedder("musicnn", str(weights)).version
    assert card.features == Features("musicnn", version, 200)
    tagger = taggers.load_tagger("musicnn", weights)
    with torch.inference_mode():
        x, y = (tagger(sounds(folder)).double().numpy() for folder in folders)
    songs = np.array([f"{i}.wav" for i in range(8)])
    assert card.measures["kernel"].value == pytest.approx(metrics.kernel(x, y, (songs, songs), seed=0).value, rel=1e-3)
    assert "8 real and 8 synthetic songs are too few for 200 features" in str(card.measures["frechet"].reason)
    plain = api.score.run(real, fake, preset="tiny")
    assert plain.features == Features("statistics", "statistics-1", 3 * 64 + 48)
    assert plain.quality == card.quality
    assert all(
        plain.measures[name].value != card.measures[name].value for name in ("sliced_wasserstein", "kernel", "vendi")
    )


def test_the_second_time_no_network_is_run(
    folders: tuple[Path, Path], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fake = folders
    first = api.score.run(real, fake, preset="tiny", features=f"musicnn:{weights}")

    def run(*_arguments: object) -> None:
        raise AssertionError("extracted again")

    monkeypatch.setattr(cache, "embed_rows", run)
    assert api.score.run(real, fake, preset="tiny", features=f"musicnn:{weights}") == first


def test_the_command_line_chooses_features(
    affetti: Callable[..., Any], folders: tuple[Path, Path], weights: Path, tmp_path: Path
) -> None:
    ran = affetti("score", *folders, "--preset", "tiny", "--features", f"musicnn:{weights}", "--out", tmp_path / "card")
    assert ran.code == 0, ran.err
    assert "by musicnn, 200 numbers per clip:" in ran.out
    saved = json.loads((tmp_path / "card/result.json").read_text())
    assert saved["features"]["name"] == "musicnn"
    ran = affetti("score", *folders, "--preset", "tiny", "--features", "vggish")
    assert ran.code == 2
    assert "no features 'vggish'" in ran.complaint


def test_a_fold_is_scored_in_a_regressors_features(
    corpus: Corpus, made: Callable[..., Path], run_of: Callable[[str], Path], kept: Path
) -> None:
    features = f"regressor:{run_of('student')}"
    card = api.score.run(corpus.path, made("flow"), fold=0, regressor=run_of("student"), features=features)
    assert card.features.dimension == 64
    assert card.memorisation is not None
    hidden: list[torch.Tensor] = []
    model: Any = runs.load(run_of("student")).model
    model.head[-1].register_forward_hook(lambda _layer, inputs, _output: hidden.append(inputs[0].double()))
    part, synthetic = corpus.fold(0), Corpus.open(made("flow"))
    with torch.inference_mode():
        for mel in (corpus.mel[part.test], synthetic.mel):
            model(torch.from_numpy(mel.astype(np.float32)))
    x, y = (it.numpy() for it in hidden)
    expected = metrics.kernel(x, y, (corpus.songs[part.test], synthetic.songs), seed=0)
    assert card.measures["kernel"].value == pytest.approx(expected.value, rel=1e-3, abs=1e-6)
    files = len(list(kept.rglob("*.npy")))
    assert files == -(-len(corpus) // cache.CLIPS_PER_FILE) + -(-len(synthetic) // cache.CLIPS_PER_FILE)


def test_sets_that_features_cannot_embed_are_refused_before_the_work(
    corpus: Corpus, made: Callable[..., Path], run_of: Callable[[str], Path], folders: tuple[Path, Path], weights: Path
) -> None:
    tagger_features, regressor_features = f"musicnn:{weights}", f"regressor:{run_of('student')}"
    cases: list[tuple[type[AffettiError], str, dict[str, Any]]] = [
        (
            InputError,
            "holds no audio",
            {"real": corpus.path, "fake": made("flow"), "fold": 0, "features": tagger_features},
        ),
        (InputError, "holds no audio", {"real": folders[0], "fake": corpus.path, "features": tagger_features}),
        (
            MismatchError,
            "was trained on 9 of",
            {"real": corpus.path, "fake": made("flow"), "features": regressor_features},
        ),
    ]
    for kind, says, arguments in cases:
        with pytest.raises(kind, match=says) as caught:
            api.score.run(**arguments)
        assert "\n" not in str(caught.value)
