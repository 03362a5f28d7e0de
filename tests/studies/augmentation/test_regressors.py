from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.tiny_encoders import make

from affetti.errors import AffettiError, InputError, MissingDependencyError, UsageError
from affetti.studies.augmentation.arms import parse_arm
from affetti.studies.augmentation.regressors import features_named, parse_regressor


@pytest.mark.parametrize(
    ("name", "file_name", "closed_form", "seeded", "needs_sound"),
    [
        (None, "student", False, True, False),
        ("vit", "vit", False, True, False),
        ("baseline", "baseline", True, False, False),
        ("encoder:statistics", "encoder", True, False, False),
        ("encoder:statistics+harmony", "encoder", True, False, True),
    ],
)
def test_each_regressor_says_what_it_takes(
    name: str | None, file_name: str, closed_form: bool, seeded: bool, needs_sound: bool
) -> None:
    made = parse_regressor(name, None, "tiny")
    assert made.file_name == file_name
    assert (made.closed_form, made.seeded, made.needs_sound) == (closed_form, seeded, needs_sound)
    assert made.layers == 1


def test_a_folder_of_an_encoder_offers_all_layers_or_the_one_that_is_named(tmp_path: Path) -> None:
    folder = make("hubert", tmp_path / "hubert")
    every = parse_regressor(f"encoder:{folder}", None, "tiny")
    assert (every.layers, every.needs_sound, every.head, every.settings) == (4, True, "linear", {"method": "ridge"})
    assert parse_regressor(f"encoder:hf:{folder}#2", None, "tiny").layers == 1
    perceptron = parse_regressor(f"encoder:{folder}", "mlp", "tiny")
    assert (perceptron.settings, perceptron.seeded) == ({"method": "mlp"}, True)
    assert parse_regressor(f"encoder:{make('clap', tmp_path / 'clap')}", None, "tiny").layers == 1


def test_short_names_are_published_models_of_all_layers() -> None:
    assert [features_named(name) for name in ("ast", "hf:user/model")] == ["hf:ast#all", "hf:user/model#all"]


@pytest.mark.parametrize(
    ("name", "head", "kind", "says"),
    [
        (
            "studnet",
            None,
            UsageError,
            "--regressor: unknown regressor 'studnet'. Choose from vit, student,",
        ),
        ("flow", None, UsageError, "unknown regressor 'flow'"),
        ("vit", "mlp", UsageError, "--head: a vit has its own head. Give --regressor encoder:NAME"),
        ("encoder:ast", "deep", UsageError, "--head: unknown head 'deep'. Choose from linear, mlp"),
        ("encoder:", None, UsageError, "unknown encoder ''"),
        (
            "encoder:wav2vec",
            None,
            UsageError,
            "unknown encoder 'wav2vec'. Give a folder that",
        ),
        ("encoder:./nowhere", None, UsageError, "--regressor: no such folder: ./nowhere"),
        ("encoder:hf:./nowhere", None, InputError, "./nowhere: no such folder"),
        ("encoder:musicnn", None, UsageError, "no features 'musicnn'. Write musicnn:WEIGHTS"),
        (
            "encoder:muq",
            None,
            MissingDependencyError,
            "features muq: needs muq, which wants torchaudio (",
        ),
        (
            "encoder:omar-rq",
            None,
            MissingDependencyError,
            "Pip install 'affetti[omar-rq]'",
        ),
    ],
)
def test_what_is_no_regressor_is_refused_in_one_line(
    name: str, head: str | None, kind: type[AffettiError], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("muq", "omar_rq"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(kind) as caught:
        parse_regressor(name, head, "tiny")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_encoder_that_is_not_there_is_refused_and_its_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.tiny_encoders import transformers

    def offline(name: str, **_settings: object) -> None:
        raise OSError(f"We couldn't connect to the Hub to find {name}.\nCheck your internet connection.")

    monkeypatch.setattr(transformers.PretrainedConfig, "get_config_dict", offline)
    with pytest.raises(InputError) as caught:
        parse_regressor("encoder:mert", None, "tiny")
    assert "m-a-p/MERT-v1-95M: cannot be loaded (We couldn't connect" in str(caught.value)
    assert "hf download" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arm", "ridge", "perceptron", "sound"),
    [
        ("real", True, True, True),
        ("flow", True, True, True),
        ("flow-shuffled", True, True, True),
        ("flow-only", True, True, True),
        ("flow-pretrained", False, False, False),
        ("time-stretch", False, False, False),
        ("plain-flow", False, False, False),
        ("best", False, False, False),
        ("null", False, True, False),
        ("real-again", False, True, False),
        ("audio-shift", True, True, False),
    ],
)
def test_heads_have_the_arms_that_differ_in_their_clips(arm: str, ridge: bool, perceptron: bool, sound: bool) -> None:
    chosen = parse_arm(arm, 1.0)
    assert (parse_regressor("baseline", None, "tiny").refusal(chosen) is None) == ridge
    assert (parse_regressor("encoder:statistics", "mlp", "tiny").refusal(chosen) is None) == perceptron
    assert (parse_regressor("encoder:handcrafted", None, "tiny").refusal(chosen) is None) == sound
    assert parse_regressor("vit", None, "tiny").refusal(chosen) is None
