"""The study with frozen encoders, on a corpus that kept its sound and an encoder with weights of no meaning."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeCV
from tests.material import LEAN, present
from tests.tiny_encoders import make

from affetti import api, metrics
from affetti.cli.compare import text
from affetti.corpus import Corpus
from affetti.embedders.clip_set import corpus_clips
from affetti.errors import InputError, MismatchError, StorageError, UsageError
from affetti.studies.augmentation import budget
from affetti.studies.augmentation.arms import parse_arm
from affetti.studies.augmentation.design import StudySettings, design_study
from affetti.studies.augmentation.encoder_features import EncoderFeatures, study_features
from affetti.studies.augmentation.regressors import parse_regressor
from affetti.studies.augmentation.results import LayerChoice, StudyResult
from affetti.studies.augmentation.study import augmentation_study
from affetti.studies.augmentation.synthetic_sets import TrainingSubset
from affetti.studies.augmentation.trials import Trial, TrialTask, read_trial


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoders")


@pytest.fixture(scope="module")
def sounding(place: Path) -> Corpus:
    """64 clips of 8 songs that kept their sound."""
    api.prepare.run("composed", place / "corpus", clips=64, folds=2, keep_audio=True, workers=1)
    return Corpus.open(place / "corpus")


@pytest.fixture(scope="module")
def flow(place: Path, sounding: Corpus) -> Path:
    api.train.run("flow", sounding.path, place / "flow", steps=2, batch_size=4, settings=LEAN["flow"])
    return place / "flow"


@pytest.fixture(scope="module")
def encoder(place: Path) -> Path:
    return make("hubert", place / "hubert")


@pytest.fixture(scope="module")
def study(place: Path, sounding: Corpus, flow: Path, encoder: Path) -> StudyResult:
    return augmentation_study(sounding, place / "study", settings(flow, encoder))


def settings(flow: Path, encoder: Path, **others: Any) -> StudySettings:
    given: dict[str, Any] = {"models": (flow,), "arms": ("flow", "composed@0.3"), "seeds": 2, "generator_runs": 1}
    return StudySettings(regressor=f"encoder:{encoder}", **{**given, **others})


def test_a_study_of_an_encoder_reports_its_layer_and_compares_the_arms_that_it_can_have(
    study: StudyResult, encoder: Path
) -> None:
    assert [row.name for row in study.arms] == ["real", "flow", "composed@0.3"]
    described = study.regressor
    assert (described.name, described.head, described.sound, described.seeded) == (
        f"encoder:{encoder}",
        "linear",
        True,
        False,
    )
    (layer,) = described.layers
    assert (layer.fold, layer.layers) == (0, 4)
    assert 0 <= layer.layer < 4
    assert study.seeds == 1, "ridge regression has no seed of its own, and there is one run"
    assert "seed" not in present(study.primary).sentence
    assert "seeds" not in present(study.arm("flow").verdict)
    assert [row.name for row in study.ridge] == ["real", "flow", "composed@0.3"], "of statistics of log-mels"
    assert study.recipe == ()
    shown = text(study)
    assert f"ridge regression on {encoder}, layer {layer.layer} in fold 0 (chosen on validation songs):" in shown
    assert "\nridge:" in shown
    assert "seeds" not in shown.splitlines()[1]
    assert StudyResult.from_dict(json.loads(json.dumps(study.to_dict()))) == study


def test_the_layer_and_the_predictions_are_those_of_scikit_learn_on_the_encoders_own_states(
    study: StudyResult, place: Path, sounding: Corpus, encoder: Path
) -> None:
    """An independent way: the library's model on each clip, its states averaged, and ``RidgeCV`` on them."""
    import transformers

    model = transformers.HubertModel.from_pretrained(encoder).eval()
    clips, part = corpus_clips(sounding), sounding.fold(0)
    states: list[np.ndarray] = []
    for row in range(len(clips)):
        sound = clips.waveform(row, 8_000)[None]
        normal = (sound - sound.mean()) / (sound.var(unbiased=False) + 1e-7).sqrt()
        with torch.inference_mode():
            states.append(torch.stack(model(normal, output_hidden_states=True).hidden_states).mean(dim=2)[:, 0].numpy())
    vectors = np.stack(states)

    def predicted(layer: int, rows: np.ndarray) -> np.ndarray:
        x = vectors[:, layer].astype(np.float64)
        centre, scale = x[part.train].mean(axis=0), x[part.train].std(axis=0, ddof=1).clip(1e-6)
        ridge = RidgeCV(alphas=np.logspace(0, 5, 16))
        ridge.fit((x[part.train] - centre) / scale, sounding.labels[part.train])
        return ridge.predict((x[rows] - centre) / scale).clip(-1, 1)

    labels = sounding.labels[part.validation]
    ccc = [metrics.concordance(predicted(layer, part.validation), labels) for layer in range(4)]
    (chosen,) = study.regressor.layers
    assert chosen.layer == int(np.argmax(ccc))
    assert present(chosen.ccc) == pytest.approx(max(ccc), abs=1e-3)
    saved = json.loads((place / "study/trials/encoder-real-f0-s0.json").read_text())["prediction"]
    np.testing.assert_allclose(saved, predicted(chosen.layer, part.test), atol=2e-3)


def test_generated_clips_are_embedded_from_the_sound_of_their_inversion(study: StudyResult, place: Path) -> None:
    for made in study.synthetic:
        corpus = Corpus.open(made.path)
        assert len(list((corpus.path / "audio").glob("*.flac"))) == len(corpus)
    trial = json.loads((place / "study/trials/encoder-flow-f0-s0.json").read_text())
    real = json.loads((place / "study/trials/encoder-real-f0-s0.json").read_text())
    assert trial["n_train"] == 2 * real["n_train"]
    assert trial["prediction"] != real["prediction"]


def test_called_again_it_embeds_and_trains_nothing(
    study: StudyResult, place: Path, sounding: Corpus, flow: Path, encoder: Path
) -> None:
    files = [*(place / "study/trials").iterdir(), *(place / "study/features").iterdir()]
    assert len(list((place / "study/features").iterdir())) == 3
    before = {path: path.stat().st_mtime_ns for path in files}
    assert augmentation_study(sounding, place / "study", settings(flow, encoder)) == study
    assert {path: path.stat().st_mtime_ns for path in files} == before
    with pytest.raises(StorageError, match=r"holds other work .head was 'linear', is 'mlp'"):
        augmentation_study(sounding, place / "study", settings(flow, encoder, head="mlp"))


def test_a_perceptron_has_seeds_and_its_decay_is_chosen_on_validation_songs(
    place: Path, sounding: Corpus, flow: Path, encoder: Path
) -> None:
    chosen = settings(flow, encoder, head="mlp", arms=("flow", "null", "real-again"))
    actual = augmentation_study(sounding, place / "perceptron", chosen)
    assert [row.name for row in actual.arms] == ["real", "null", "flow", "real-again"]
    assert (actual.seeds, actual.regressor.seeded) == (2, True)
    assert present(actual.regressor.layers[0].decay) > 0
    saved = [json.loads((place / f"perceptron/trials/encoder-real-f0-s{seed}.json").read_text()) for seed in (0, 1)]
    assert saved[0]["prediction"] != saved[1]["prediction"]
    assert "perceptron on" in text(actual)
    assert "2 seeds" in text(actual)


def test_the_layer_is_that_at_which_validation_songs_are_predicted_best(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features with a known answer: of three layers the second holds the labels, the others noise."""
    from affetti.embedders.base import FunctionEmbedder
    from affetti.studies.augmentation import encoder_features

    rng = np.random.default_rng(0)
    noise = rng.normal(size=(3, len(corpus), 2))
    planted = np.concatenate([noise[0], corpus.labels + 0.1 * noise[1], noise[2]], axis=1).astype(np.float32)
    made = FunctionEmbedder("planted", "planted-1", lambda mel: mel.mean(dim=2), layers=3)
    regressor = replace(parse_regressor("encoder:statistics", None, "tiny"), embedders=(made,))
    monkeypatch.setattr(encoder_features, "embed_clips", lambda *_: planted)
    subset = TrainingSubset(0, 1.0, corpus.path)
    features = study_features(regressor, [subset], [], tmp_path)
    choice = features.choices["f0"]
    assert (choice.layer, choice.layers) == (1, 3)
    assert present(choice.ccc) > 0.9
    np.testing.assert_array_equal(features.load(corpus.path, subset), planted[:, 2:4])
    trial = Trial(parse_arm("real", 1.0), "encoder", subset, 0)
    task = TrialTask((trial,), (), tmp_path, 1, 8, regressor="encoder", settings=regressor.settings, features=features)
    pickle.dumps(task)
    task(0, 1)
    test = corpus.labels[corpus.fold(0).test]
    assert metrics.concordance(np.array(read_trial(task, trial).prediction), test) > 0.9
    silent = planted.copy()
    silent[5] = np.nan
    monkeypatch.undo()
    monkeypatch.setattr(encoder_features, "embed", lambda *_arguments, **_settings: silent)
    with pytest.raises(InputError, match="gives no numbers for 1 clips, the first ") as caught:
        study_features(replace(regressor, name="encoder:x"), [subset], [], tmp_path / "other")
    assert "\n" not in str(caught.value)


def test_without_validation_songs_it_is_the_last_layer() -> None:
    choice = LayerChoice(fold=0, layer=12, layers=13, ccc=None)
    made = EncoderFeatures({}, 13, "1", {"f0": choice})
    assert made.choices["f0"].layer == made.layers - 1


def test_what_an_encoder_cannot_have_is_refused_in_one_line_before_anything_is_written(
    tmp_path: Path, corpus: Corpus, sounding: Corpus, flow: Path, encoder: Path, run_of: Callable[[str], Path]
) -> None:
    name = f"encoder:{encoder}"
    cases: list[tuple[type[Exception], str, Corpus, dict[str, Any]]] = [
        (InputError, "holds no audio, and the features hf:", corpus, {"regressor": name}),
        (UsageError, "cannot have flow-pretrained: it is fitted to all clips at once", sounding,
         {"regressor": name, "models": (flow,), "arms": ("flow", "flow-pretrained")}),
        (UsageError, "cannot have null, time-stretch: .* Leave them out; it can have real", corpus,
         {"regressor": "baseline", "arms": ("null", "time-stretch")}),
        (UsageError, "--augment: baseline is fitted to all clips at once", corpus,
         {"regressor": "baseline", "augment": "specaugment"}),
        (UsageError, "--published-protocol: the study's protocol is run with a student", corpus,
         {"regressor": "vit", "published_protocol": True}),
        (MismatchError, "--regressor regressor", corpus,
         {"regressor": f"encoder:regressor:{run_of('student')}", "folds": 2}),
    ]  # fmt: skip
    for kind, says, given, options in cases:
        with pytest.raises(kind, match=says) as caught:
            augmentation_study(given, tmp_path / "study", StudySettings(**options))
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "study").exists(), says


def test_the_default_arms_of_ridge_regression_are_those_that_it_can_have(corpus: Corpus) -> None:
    made = design_study(corpus, StudySettings(regressor="baseline"))
    assert [arm.name for arm in made.arms] == ["real", "gan", "flow", "flow-shuffled"]
    assert (made.seeds, made.generator_runs, made.recipe) == (3, 3, ())
    assert made.primary == ("gan", "real")


@pytest.mark.parametrize("regressor", ["baseline", "vit", "encoder:statistics"])
def test_other_regressors_run_a_study_and_are_named(
    tmp_path: Path, corpus: Corpus, made: Callable[..., Path], regressor: str
) -> None:
    if regressor == "vit":
        pytest.importorskip("transformers")
    theirs = made("flow")
    chosen = StudySettings(
        regressor=regressor, arms=("theirs",), clips=(("theirs", theirs),), seeds=1, steps=1, batch_size=8
    )
    actual = augmentation_study(corpus, tmp_path / "study", chosen)
    assert actual.regressor.name == regressor
    assert [row.name for row in actual.arms] == ["real", "theirs"]
    assert bool(actual.ridge) == (regressor != "baseline")
    saved = sorted(path.name.partition("-")[0] for path in (tmp_path / "study/trials").iterdir())
    assert regressor.partition(":")[0] in saved


def test_a_budget_counts_the_seconds_of_embedding(sounding: Corpus, flow: Path, encoder: Path) -> None:
    design = design_study(sounding, settings(flow, encoder))
    cost = budget.measure_cost(design)
    assert cost.embedding > 0
    assert cost.update == 0, "it is fitted in closed form"
    less = budget.estimate_seconds(design, replace(cost, embedding=0.0), design.arms)
    clips = len(sounding) + 1.3 * len(sounding.fold(0).train)
    assert budget.estimate_seconds(design, cost, design.arms) - less == pytest.approx(clips * cost.embedding)
