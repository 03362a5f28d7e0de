from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import RATE, music
from tests.material import mels, shorten, write_corpus

from affetti import api, metrics
from affetti.corpus import Corpus, splits
from affetti.embedders.base import Standardiser
from affetti.embedders.clip_set import open_clip_set
from affetti.embedders.statistics import embed_statistics
from affetti.errors import AffettiError, InputError, MismatchError, StorageError, UsageError
from affetti.metrics.quality_features import PARTS
from affetti.presets import FRONT_ENDS
from affetti.signal import audio
from affetti.studies.scorecard.emotion_predictions import train_regressor
from affetti.studies.scorecard.inputs import ScoreSets, ScoreSettings
from affetti.studies.scorecard.measurement import Measure
from affetti.studies.scorecard.result import Scorecard
from affetti.studies.scorecard.scorecard import scorecard
from affetti.training.registry import Budget
from affetti.training.train import TrainSettings, train_run


@pytest.fixture
def halves(tmp_path: Path, corpus: Corpus) -> tuple[Path, Path]:
    """Clips of ten real songs and of the ten others, with their song ids beside them."""
    for fold, name in ((0, "a"), (1, "b")):
        rows = splits.fold(corpus.clips, fold).test
        np.save(tmp_path / f"{name}.npy", corpus.mel[rows])
        (tmp_path / f"{name}.txt").write_text("\n".join(corpus.songs[rows]) + "\n")
    return tmp_path / "a.npy", tmp_path / "b.npy"


@pytest.fixture(scope="module")
def scored(made: Callable[..., Path], run_of: Callable[[str], Path], corpus: Corpus) -> Scorecard:
    return api.score.run(corpus.path, made("flow"), fold=0, regressor=run_of("student"))


def test_the_document_has_the_keys_of_the_contract(scored: Scorecard) -> None:
    document = scored.to_dict()
    assert list(document)[:4] == ["verb", "quality", "frechet", "frechet_infinity"]
    keys = {"quality", "frechet", "kernel", "precision", "recall", "density", "coverage", "vendi"}
    assert keys | {"conditioning", "memorisation", "n_real", "n_fake", "seed", "versions"} <= set(document)
    quality = document["quality"]
    assert {"score", "ci", "tier", "components", "published"} <= set(quality)
    assert list(quality["components"]) == list(PARTS)
    assert set(quality["published"]["components"]) == {"frechet", "moments", "smoothness", "frequency", "range"}
    for part in quality["components"].values():
        assert set(part) == {"value", "score", "floor", "bad"}
    assert {"value", "ci", "floor"} <= set(document["frechet"])
    assert {"score", "components"} <= set(quality["published"])
    assert (scored.n_real, scored.n_fake) == (80, 24)
    json.dumps(document, allow_nan=False)


def test_every_number_has_an_interval_and_a_floor(scored: Scorecard) -> None:
    for name in ("kernel", "sliced_wasserstein", "precision", "recall", "density", "coverage", "vendi"):
        measure = scored.measures[name]
        assert measure.ci is not None
        assert measure.floor is not None
        assert measure.ci[0] <= measure.ci[1], name
        assert np.isfinite(measure.floor), name
    assert scored.conditioning is not None
    for axis in scored.conditioning.axes().values():
        assert axis.real is not None
        for fake, real in ((axis.slope, axis.real.slope), (axis.correlation, axis.real.correlation)):
            assert fake is not None
            assert fake.ci is not None
            assert real.ci is not None
            assert fake.ci[0] <= fake.value <= fake.ci[1]
            assert real.ci[0] <= real.value
    assert scored.regressor is not None
    assert scored.regressor.kind == "student"
    assert scored.generator is not None
    assert scored.generator.generator == "flow"


def test_the_kernel_distance_is_the_metrics_own(scored: Scorecard, corpus: Corpus, made: Callable[..., Path]) -> None:
    real = embed_statistics(corpus.mel[splits.fold(corpus.clips, 0).test])
    standard = Standardiser.fit(real)
    made_up = Corpus.open(made("flow"))
    songs = corpus.songs[splits.fold(corpus.clips, 0).test], made_up.songs
    result = metrics.kernel(standard(real), standard(embed_statistics(made_up.mel)), songs, seed=0)
    assert scored.measures["kernel"] == Measure.of(result)


def test_real_music_scores_like_real_music(halves: tuple[Path, Path]) -> None:
    real, other = halves
    card = api.score.run(real, other, groups=[real.with_suffix(".txt"), other.with_suffix(".txt")])
    assert card.quality.score >= 90
    assert (card.songs.real, card.songs.fake) == (10, 10)
    assert card.conditioning is None
    assert card.memorisation is None
    noise = np.random.default_rng(0).normal(-40, 15, np.load(other).shape).astype(np.float32)
    np.save(other, noise)
    assert api.score.run(real, other, groups=[real.with_suffix(".txt")]).quality.score < 20


def test_the_same_seed_scores_the_same(
    corpus: Corpus, made: Callable[..., Path], scored: Scorecard, run_of: Callable[[str], Path]
) -> None:
    torch.rand(3)
    stages: list[tuple[str, int, int]] = []
    again = api.score.run(
        corpus.path, made("flow"), fold=0, regressor=run_of("student"), progress=lambda *stage: stages.append(stage)
    )
    assert again == scored
    assert [stage for stage in stages if stage[0] == "score"] == [("score", done, 6) for done in range(7)]


def test_the_regressor_it_trains_depends_on_the_seed_alone(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch, "student", Budget(3, 16))
    part = splits.fold(corpus.clips, 0)
    first = train_regressor(corpus, part, 0)
    torch.rand(3)
    second, third = train_regressor(corpus, part, 0), train_regressor(corpus, part, 1)
    assert torch.equal(first.head[1].weight, second.head[1].weight)
    assert not torch.equal(first.head[1].weight, third.head[1].weight)


def test_folders_of_audio_are_scored(tmp_path: Path) -> None:
    for name, first in (("real", 0), ("fake", 100)):
        (tmp_path / name).mkdir()
        for i in range(8):
            audio.save(tmp_path / name / f"{i}.wav", music(first + i, 6.0), RATE)
    card = api.score.run(tmp_path / "real", tmp_path / "fake", preset="tiny")
    assert card.n_real == card.n_fake == 8
    with pytest.raises(UsageError, match="--front-end"):
        api.score.run(tmp_path / "real", tmp_path / "fake")


def test_copies_of_the_training_clips_are_detected(tmp_path: Path, corpus: Corpus) -> None:
    part = splits.fold(corpus.clips, 0)
    np.save(tmp_path / "copies.npy", corpus.mel[part.train[:40]])
    card = api.score.run(corpus.path, tmp_path / "copies.npy", fold=0)
    assert card.memorisation is not None
    assert card.memorisation.copying
    assert card.memorisation.exact_copies == 40


def saved(folder: Path, name: str, content: np.ndarray) -> Path:
    np.save(folder / f"{name}.npy", content)
    return folder / f"{name}.npy"


def test_sets_that_do_not_belong_together_are_refused(
    tmp_path: Path, corpus: Corpus, made: Callable[..., Path], run_of: Callable[[str], Path], halves: tuple[Path, Path]
) -> None:
    paper = write_corpus(tmp_path / "paper", 8, 1, FRONT_ENDS["full-band"], "full-band")
    narrow = saved(tmp_path, "narrow", mels(20, (32, 128)).numpy())
    few = saved(tmp_path, "few", mels(3, (64, 128)).numpy())
    cases: list[tuple[type[AffettiError], str, dict[str, Any]]] = [
        (MismatchError, "front-ends", {"real": corpus.path, "fake": paper.path}),
        (MismatchError, r"log-mels of shape \(32, 128\)", {"real": halves[0], "fake": narrow}),
        (MismatchError, r"log-mels of shape \(32, 128\)", {"real": halves[0], "fake": halves[1], "train": narrow}),
        (MismatchError, "holds synthetic clips", {"real": made("flow"), "fake": corpus.path}),
        (MismatchError, "of the test songs", {"real": corpus.path, "fake": made("flow"), "fold": 1}),
        (UsageError, "there is no fold 5", {"real": corpus.path, "fake": made("flow"), "fold": 5}),
        (UsageError, "only a corpus has folds", {"real": halves[0], "fake": halves[1], "fold": 0}),
        (InputError, "3 songs are too few", {"real": halves[0], "fake": few}),
        (UsageError, "seed -1 is negative", {"real": halves[0], "fake": halves[1], "seed": -1}),
        (UsageError, "3 files of song ids", {"real": halves[0], "fake": halves[1], "groups": ["a", "b", "c"]}),
        (UsageError, "a flow does not predict", {
            "real": corpus.path, "fake": made("flow"), "fold": 0, "regressor": run_of("flow")
        }),
    ]  # fmt: skip
    for kind, says, arguments in cases:
        with pytest.raises(kind, match=says) as caught:
            api.score.run(**arguments)
        assert "\n" not in str(caught.value)


def test_a_regressor_of_another_front_end_of_the_same_shape_is_refused(
    tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    other = replace(FRONT_ENDS["tiny"], f_max=11_025.0)
    assert other.shape == FRONT_ENDS["tiny"].shape
    real = write_corpus(tmp_path / "wide", 8, 2, other)
    with pytest.raises(MismatchError, match="takes log-mels of front-end"):
        sets = ScoreSets(open_clip_set(real.path), open_clip_set(real.path))
        scorecard(sets, ScoreSettings(regressor=run_of("student")))


def test_a_baseline_on_other_features_is_refused_before_the_work(
    tmp_path: Path, corpus: Corpus, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.random.default_rng(0).normal(size=(len(corpus.clips), 3))
    settings = TrainSettings(model={"features": "harmony", "version": "harmony-1", "dimension": 3})
    train_run("baseline", corpus, 0, tmp_path / "run", settings, embedding=vectors)

    def work(*_: object, **__: object) -> None:
        pytest.fail("work was done")

    monkeypatch.setattr("affetti.metrics.quality_score", work)
    clips = open_clip_set(made("flow"))
    monkeypatch.setattr("affetti.api.score.open_clip_set", work)
    says = "run: this baseline predicts from harmony, not from log-mels. Give a run of a student, or of affetti train"
    with pytest.raises(UsageError, match=says) as caught:
        api.score.run(corpus.path, made("flow"), fold=0, regressor=tmp_path / "run")
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match=says):
        scorecard(ScoreSets(open_clip_set(corpus.path), clips), ScoreSettings(fold=0, regressor=tmp_path / "run"))


def test_a_folder_in_use_is_refused_before_the_work(tmp_path: Path, halves: tuple[Path, Path]) -> None:
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(StorageError, match="is not a scorecard"):
        api.score.run(*halves, out=tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/result.json").write_text('{"verb": "train"}')
    with pytest.raises(StorageError, match="holds another verb's result"):
        api.score.run(*halves, out=tmp_path / "run")
    card = api.score.run(*halves, out=tmp_path / "score")
    assert json.loads((tmp_path / "score/result.json").read_text()) == card.to_dict()
    assert Scorecard.open(tmp_path / "score") == card
