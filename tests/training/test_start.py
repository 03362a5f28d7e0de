from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import Ran
from tests.material import LEAN, composed, flags, present, sha, write_corpus

from affetti.corpus import Corpus
from affetti.errors import MismatchError, TrainingError, UsageError
from affetti.models.generators.flow import Flow
from affetti.models.generators.gan import Gan
from affetti.models.regressors.vit import ViT, ViTConfig
from affetti.presets import FRONT_ENDS
from affetti.training import run as runs
from affetti.training.clips import Clips
from affetti.training.fit import fit
from affetti.training.loop import LoopConfig
from affetti.training.objectives.adversarial import GanObjective
from affetti.training.objectives.base import ObjectiveOptions
from affetti.training.registry import make
from affetti.training.start import load_start
from affetti.training.train import TrainSettings, prepare_run, train_run
from affetti.weights import SHIPPED

SHORT = TrainSettings(steps=2, batch_size=4)
AUTOENCODER = LEAN["flow"] | {"latent": "autoencoder", "components": 4}
INSTRUMENTS = ["piano|bass", "piano|drums", "bass"]


@pytest.fixture
def rated(tmp_path: Path) -> Corpus:
    return write_corpus(tmp_path / "rated")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Other songs, with modes and instruments."""
    songs, folder = 14, tmp_path_factory.mktemp("other")
    columns: dict[str, Any] = {"song_id": [f"other{i // 2}" for i in range(2 * songs)]}
    columns |= {"mode": ["major", "minor"] * songs, "instruments": [INSTRUMENTS[i % 3] for i in range(2 * songs)]}
    return write_corpus(folder / "corpus", songs=songs, **columns)


@pytest.fixture(scope="module")
def earlier(other: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``earlier("flow")``: a run on the other songs; not to be altered."""
    folder = tmp_path_factory.mktemp("earlier")

    def trained(kind: str) -> Path:
        if not (folder / kind).exists():
            train_run(kind, other, 0, folder / kind, replace(SHORT, model=LEAN[kind]))
        return folder / kind

    return trained


def starting(run: Path, **settings: Any) -> TrainSettings:
    return replace(SHORT, init=run, **settings)


def test_a_student_starts_from_the_shipped_weights_and_says_so(rated: Corpus) -> None:
    prepared = prepare_run("student", rated, 0, starting(Path(SHIPPED)))
    expected = runs.load(SHIPPED)
    for name, value in expected.model.state_dict().items():
        assert torch.equal(prepared.model.state_dict()[name], value), name
    assert prepared.settings["init"] == SHIPPED
    assert prepared.settings["init_weights"] == expected.meta.weights_sha256
    assert prepare_run("student", rated, 0, SHORT).settings["init"] is None


def test_the_first_weights_decide_the_run(rated: Corpus, tmp_path: Path) -> None:
    train_run("student", rated, 0, tmp_path / "random", replace(SHORT, augment="none"))
    train_run("student", rated, 0, tmp_path / "started", starting(Path(SHIPPED), augment="none"))
    first, second = (runs.load(tmp_path / name).model.state_dict() for name in ("random", "started"))
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_a_flow_that_starts_from_a_run_makes_its_clips(
    rated: Corpus, other: Corpus, earlier: Callable[[str], Path]
) -> None:
    before = runs.load(earlier("flow"))
    prepared = prepare_run("flow", rated, 0, starting(earlier("flow")))
    assert set(prepared.fields.columns) < set(before.fields.columns)
    emotions = torch.tensor([[0.5, -0.2], [-0.8, 0.9]])
    sampling = {"guide": 0.0, "guidance": 1.0, "emotion": 1.0}
    made = prepared.model.eval().sample(emotions, 3, sampling=sampling)  # type: ignore[operator]
    torch.testing.assert_close(made, before.generator.sample(emotions, 3, sampling=sampling), atol=1e-2, rtol=0)
    assert prepared.settings["settings"]["widths"] == LEAN["flow"]["widths"]
    assert other.songs[0] not in rated.songs


@pytest.mark.parametrize("kind", ["flow", "gan"])
def test_bases_that_the_network_has_learnt_in_stay_and_the_normaliser_is_fitted(
    rated: Corpus, earlier: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    train_run(kind, rated, 0, tmp_path / "run", starting(earlier(kind)))
    before, after = runs.load(earlier(kind)).generator, runs.load(tmp_path / "run").generator
    (basis,) = after.learnt_bases
    for name, value in before.get_submodule(basis).state_dict().items():
        assert torch.equal(after.get_submodule(basis).state_dict()[name], value), name
    clips = Clips(rated.mel, rated.labels, rated.fold(0).train).sample()[0]
    fitted = copy.deepcopy(after.get_submodule("normalise"))
    fitted.fit(clips)  # type: ignore[operator]
    torch.testing.assert_close(after.get_submodule("normalise").state_dict(), fitted.state_dict())
    assert not torch.equal(before.get_submodule("normalise")(clips), fitted(clips))


def test_an_autoencoder_stays_too(rated: Corpus, other: Corpus, tmp_path: Path) -> None:
    train_run("flow", other, 0, tmp_path / "first", replace(SHORT, model=AUTOENCODER))
    train_run("flow", rated, 0, tmp_path / "second", starting(tmp_path / "first"))
    before, after = (runs.load(tmp_path / name).model for name in ("first", "second"))
    assert isinstance(before, Flow) and isinstance(after, Flow)
    for name, value in before.latent.state_dict().items():
        assert torch.equal(after.latent.state_dict()[name], value), name
    moved = [not torch.equal(a, b) for a, b in zip(before.net.parameters(), after.net.parameters(), strict=True)]
    assert any(moved)


def test_the_condition_of_a_gan_is_not_faded_in_again() -> None:
    model = make("gan", (64, 128), LEAN["gan"])
    assert isinstance(model, Gan)
    assert GanObjective(model, 10).fades
    assert not GanObjective(model, 10, fades=False).fades


def test_result_card_and_text_say_what_was_taken(
    rated: Corpus, earlier: Callable[[str], Path], tmp_path: Path, affetti: Callable[..., Ran]
) -> None:
    out = tmp_path / "run"
    ran = affetti(
        *("train", "flow", "--corpus", rated.path, "--out", out, "--init", earlier("flow")),
        *("--steps", 2, "--batch-size", 4),
    )
    assert ran.code == 0, ran.err
    said = f"began with the weights of {earlier('flow')}, trained on made up; condition fields: emotion, spread; "
    assert said + "left out: mode, instruments" in ran.out
    initial = json.loads((out / "result.json").read_text())["initial_weights"]
    before = runs.load(earlier("flow"))
    assert initial == {
        "run": str(earlier("flow")),
        "weights_sha256": before.meta.weights_sha256,
        "sources": ["made up"],
        "fields": ["emotion", "spread"],
        "new_fields": [],
        "left_out_fields": ["mode", "instruments"],
    }
    card = (out / "MODEL_CARD.md").read_text()
    assert f"Began with the weights of `{earlier('flow')}`" in card
    assert "nothing but what is named above" in card
    after = runs.load(out).meta
    assert after.initial_weights == before.meta.weights_sha256
    assert after.pretrained_on == ("made up",)
    assert set(after.songs) == before.songs | set(rated.songs[rated.fold(0).train].tolist())


def test_fields_that_the_run_has_not_begin_as_usual(rated: Corpus, other: Corpus, tmp_path: Path) -> None:
    train_run("gan", rated, 0, tmp_path / "first", replace(SHORT, model=LEAN["gan"]))
    result = train_run("gan", other, 0, tmp_path / "second", starting(tmp_path / "first"))
    initial = present(result.initial_weights)
    assert (initial.fields, initial.new_fields) == (("emotion", "spread"), ("mode", "instruments"))


def test_a_run_that_is_killed_resumes_to_the_same_weights(
    rated: Corpus, earlier: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(starting(earlier("flow")), steps=4, checkpoint_every=1)
    train_run("flow", rated, 0, tmp_path / "whole", settings)
    batch = Clips.batch

    def fail(self: Clips, size: int, seed: int, step: int) -> Any:
        if step == 2:
            raise TrainingError("power cut")
        return batch(self, size, seed, step)

    monkeypatch.setattr(Clips, "batch", fail)
    with pytest.raises(TrainingError, match="power cut"):
        train_run("flow", rated, 0, tmp_path / "cut", settings)
    monkeypatch.setattr(Clips, "batch", batch)
    train_run("flow", rated, 0, tmp_path / "cut", settings)
    assert sha(tmp_path / "cut/model.safetensors") == sha(tmp_path / "whole/model.safetensors")


def test_pretrained_weights_of_a_vit_are_not_fetched_over_those_of_the_run(
    rated: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers", reason="the optional package transformers is not installed")
    model = ViT(rated.front_end.shape, ViTConfig(**LEAN["vit"]))
    monkeypatch.setattr(model, "config", replace(model.config, pretrained="somewhere"))
    monkeypatch.setattr(ViT, "load_pretrained", lambda _: pytest.fail("fetched"))
    clips = Clips(rated.mel, rated.labels, rated.fold(0).train)
    fit("vit", model, clips, LoopConfig(1, 4), ObjectiveOptions(pretrained=True))


def test_songs_it_was_trained_on_are_refused_also_those_of_the_run_that_it_began_with(
    rated: Corpus, other: Corpus, tmp_path: Path
) -> None:
    train_run("student", rated, 0, tmp_path / "first", SHORT)
    with pytest.raises(MismatchError, match="was trained on"):
        prepare_run("student", rated, 1, starting(tmp_path / "first"))
    train_run("student", other, 0, tmp_path / "second", starting(tmp_path / "first"))
    with pytest.raises(MismatchError, match="was trained on"):
        prepare_run("student", rated, 1, starting(tmp_path / "second"))


def test_composed_corpora_are_refused(run_of: Callable[[str], Path], tmp_path: Path) -> None:
    corpus = Corpus.open(composed())
    with pytest.raises(MismatchError, match="composed by the same rules"):
        prepare_run("student", corpus, 0, starting(Path(SHIPPED)))
    with pytest.raises(MismatchError, match="composed by the same rules"):
        prepare_run("flow", corpus, 1, starting(run_of("flow")))
    # Also after it was trained on real music; but not if it knows the training songs of this very fold alone.
    rated = write_corpus(tmp_path / "rated")
    train_run("student", rated, 0, tmp_path / "real", starting(Path(SHIPPED)))
    with pytest.raises(MismatchError, match="composed by the same rules"):
        prepare_run("student", corpus, 0, starting(tmp_path / "real"))
    prepared = prepare_run("flow", corpus, 0, replace(starting(run_of("flow")), batch_size=8))
    assert present(prepared.start).weights.new_fields == ()


@pytest.mark.parametrize("kind", ["gan", "vit", "waveform"])
def test_kinds_of_which_no_weights_ship_are_refused(rated: Corpus, kind: str) -> None:
    with pytest.raises(UsageError, match=rf"no weights of {kind} ship with affetti\. There are weights of .*student"):
        load_start(kind, Path(SHIPPED), rated, rated.fold(0))


def test_weights_in_the_package_are_those_of_their_kind(
    rated: Corpus, earlier: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(earlier("flow"), tmp_path / "weights/flow")
    monkeypatch.setattr("affetti.weights.shipped_regressor", lambda: tmp_path / "weights")
    assert load_start("flow", Path(SHIPPED), rated, rated.fold(0)).path == tmp_path / "weights/flow"
    with pytest.raises(UsageError, match="There are weights of flow: give a run of gan"):
        load_start("gan", Path(SHIPPED), rated, rated.fold(0))


@pytest.mark.parametrize(
    ("kind", "init", "settings", "message"),
    [
        ("vit", "flow", {}, "a run of flow, not of vit"),
        ("baseline", "flow", {}, "a baseline does not start from a run"),
        ("student", SHIPPED, {"width": 8}, "width is 8 here and 16 in the run"),
        ("flow", "flow", {"widths": [16, 24]}, "widths is 16,24 here and 16,32 in the run"),
        ("flow", "flow", {"patch": 4, "dropout": 0.5}, "patch is 4 here and 8 in the run"),
        ("gan", "gan", {"recipe": "published"}, "recipe is published here and modern in the run"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    rated: Corpus, earlier: Callable[[str], Path], kind: str, init: str, settings: dict[str, Any], message: str
) -> None:
    run = Path(SHIPPED) if init == SHIPPED else earlier(init)
    with pytest.raises(UsageError, match=message) as caught:
        prepare_run(kind, rated, 0, starting(run, model=settings))
    assert "\n" not in str(caught.value)


def test_settings_that_are_no_size_may_differ(rated: Corpus, earlier: Callable[[str], Path]) -> None:
    prepared = prepare_run("flow", rated, 0, starting(earlier("flow"), model={"dropout": 0.5, "steps": 7}))
    assert prepared.settings["settings"]["dropout"] == 0.5


def test_a_run_is_not_aligned_and_started_from_at_once(rated: Corpus, tmp_path: Path) -> None:
    train_run("flow", rated, 0, tmp_path / "run", replace(SHORT, model=LEAN["flow"]))
    with pytest.raises(UsageError, match="--align with --init"):
        prepare_run("flow", rated, 0, starting(tmp_path / "run", align=tmp_path / "run"))


def test_none_are_random_weights(affetti: Callable[..., Ran], rated: Corpus, tmp_path: Path) -> None:
    train = ("train", "flow", "--corpus", rated.path, "--steps", 2, "--batch-size", 4, "--set", *flags("flow"))
    for name, arguments in (("default", ()), ("none", ("--init", "none"))):
        assert affetti(*train, *arguments, "--out", tmp_path / name).code == 0
    assert sha(tmp_path / "default/model.safetensors") == sha(tmp_path / "none/model.safetensors")


def test_another_front_end_is_refused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "other", front=replace(FRONT_ENDS["tiny"], n_mels=48))
    with pytest.raises(MismatchError, match="Prepare the corpus with --front-end tiny"):
        load_start("student", Path(SHIPPED), corpus, corpus.fold(0))


def test_damaged_weights_are_refused(rated: Corpus, tmp_path: Path, run_of: Callable[[str], Path]) -> None:
    shutil.copytree(run_of("student"), tmp_path / "copy")
    weights = tmp_path / "copy" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(MismatchError, match="weights are not those"):
        load_start("student", tmp_path / "copy", rated, rated.fold(0))
