from __future__ import annotations

import pytest
from tests.material import present

from affetti.augment import waveform
from affetti.errors import MissingDependencyError, UsageError
from affetti.studies.augmentation.arm_choice import all_arms, choose_arms, default_arms
from affetti.studies.augmentation.arms import Arm, SyntheticSetSpec, parse_arm, training_contrasts

KINDS = ("gan", "flow")


def test_names_are_read_as_what_an_arm_is_made_of() -> None:
    assert parse_arm("real", 1.0) == Arm("real")
    assert parse_arm("time-stretch+c-mixup", 1.0).signals == ("time-stretch", "c-mixup")
    assert parse_arm("flow", 2.0).synthetic == SyntheticSetSpec("flow", 2.0)
    assert parse_arm("flow@2.3", 1.0).synthetic == SyntheticSetSpec("flow", 2.3)
    both = parse_arm("mixup+flow@0.5-filtered-only", 1.0)
    assert (both.signals, both.synthetic, both.use) == (
        ("mixup",),
        SyntheticSetSpec("flow", 0.5, filtered=True),
        "only",
    )
    dialled = parse_arm("flow:guidance=1.5,steps=4,trained=100-shuffled", 1.0)
    assert dialled.synthetic == SyntheticSetSpec("flow", 1.0, (("guidance", 1.5), ("steps", 4.0)), 100)
    assert dialled.shuffled
    assert parse_arm("audio-stretch@0.5", 1.0).synthetic == SyntheticSetSpec("audio-stretch", 0.5)


def test_a_set_is_named_by_what_distinguishes_it_and_its_name_can_be_parsed() -> None:
    for name in ("flow", "flow@2.3", "gan:truncation=0.5-filtered", "flow:guidance=2,trained=40@4", "composer@0.25"):
        made = parse_arm(name, 1.0).synthetic
        assert made is not None
        assert made.name_for(1.0) == name
        assert parse_arm(made.name_for(1.0), 1.0).synthetic == made
    shuffled, plain = parse_arm("flow-shuffled", 1.0).synthetic, parse_arm("flow", 1.0).synthetic
    assert shuffled == plain, "shuffling is not of the set: it is made once"
    assert parse_arm("flow@2", 2.0).synthetic == parse_arm("flow", 2.0).synthetic


WRONG = (
    "flwo",
    "flow-only-pretrained",
    "flow-hard-gaps",
    "flow-equal",
    "plain-best",
    "plain-plain-flow",
    "plain-real-again",
    "real-longer",
    "flow-only-only",
    "flow+gan",
    "flow:guidance",
    "flow:guidance=x",
    "",
    "real+flow",
)


@pytest.mark.parametrize("name", WRONG)
def test_an_unknown_arm_is_refused_with_the_known_arms(name: str) -> None:
    with pytest.raises(UsageError, match=r"unknown arm .*(Choose from real|Did you mean)") as caught:
        parse_arm(name, 1.0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("flow@0", "more than 0"),
        ("flow:trained=0", "more than 0"),
        ("composer-filtered", "no sampling parameters and no filter"),
        ("composed-hard", "no sampling parameters and no filter"),
        ("null:guidance=2", "no sampling parameters and no filter"),
        ("composed:tempo=2", "the composer has no setting 'tempo'.*keys, style, instruments"),
        ("composed:keys=13", "keys cannot be '13'"),
        ("composed:style=polka", "style cannot be 'polka'.*classical"),
        ("flow:pretraining=60", "pretraining is of pretrained arms.*flow:pretraining=60-pretrained"),
        ("flow:pretraining=0-pretrained", "more than 0"),
        ("null-only", "can only be added"),
        ("gan-aligned", "gan cannot be aligned. Use flow-aligned"),
        ("composed-aligned", "composed cannot be aligned"),
        ("flow:beta=5", "beta is of aligned generators.*flow:beta=5-aligned"),
        ("flow:beta=0-aligned", "more than 0"),
        ("flow:beta=-3-aligned", "more than 0"),
    ],
)
def test_invalid_numbers_and_settings_are_refused(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_arm(name, 1.0)


def test_the_default_is_eight_arms_and_all_is_every_kind_of_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(default_arms(KINDS)) == 8
    names = all_arms(KINDS, has_audio=True, composed=True)
    assert len(names) == len(set(names))
    assert {"flow@0.25", "gan@4", "flow-only", "flow-pretrained", "flow-filtered", "flow-shuffled"} <= set(names)
    assert {"mixup", "pitch-shift-relabelled", "composer", "audio-shift", "best"} <= set(names)
    monkeypatch.setattr(waveform, "is_available", lambda: True)
    assert [arm.name for arm in choose_arms(("all",), KINDS, 1.0, has_audio=True, composed=True)] == names


def test_real_arms_are_always_there_and_best_comes_last() -> None:
    assert [arm.name for arm in choose_arms(("best", "mixup"), KINDS, 1.0)] == ["real", "mixup", "best"]
    result = choose_arms(("flow",), KINDS, 1.0, extra=("flow:guidance=2",))
    assert [arm.name for arm in result] == ["real", "flow", "flow:guidance=2"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("waveform", "the corpus kept no audio"),
        ("composer", "this is not a composed corpus"),
        ("audio-stretch", "kept no audio"),
    ],
)
def test_an_arm_without_its_inputs_is_refused(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        choose_arms((name,), KINDS, 1.0)


def test_ridge_regression_has_the_arms_whose_clips_differ() -> None:
    closed = [name for name in all_arms(KINDS, has_audio=False, composed=True) if parse_arm(name, 1.0).closed_form]
    assert {"real", "gan", "flow-only", "flow-shuffled", "flow@2.3", "composer"} <= set(closed)
    assert not {"time-stretch", "flow-pretrained", "null", "real-again", "best"} & set(closed)


def test_copies_of_sound_are_refused_by_name_and_left_out_of_all_where_the_library_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waveform, "is_available", lambda: False)
    with pytest.raises(MissingDependencyError, match=r"affetti\[augment\]"):
        choose_arms(("audio-stretch",), KINDS, 1.0, has_audio=True)
    assert "audio-stretch" not in [arm.name for arm in choose_arms(("all",), KINDS, 1.0, has_audio=True)]


def test_an_aligned_generator_is_trained_once_its_base_is() -> None:
    arm = parse_arm("flow:trained=400,beta=50,guidance=2@2-aligned-filtered-pretrained", 1.0)
    spec = arm.synthetic
    assert spec is not None
    assert (spec.aligned, spec.beta, spec.training_steps, spec.filtered) == (True, 50.0, 400, True)
    assert spec.sampling == (("guidance", 2.0),)
    assert [each.generator for each in spec.generators] == ["flow:trained=400", "flow:beta=50,trained=400-aligned"]
    name = spec.name_for(1.0)
    assert parse_arm(name, 1.0).synthetic == spec
    plain = parse_arm("flow-aligned", 1.0)
    assert plain.closed_form
    assert present(plain.synthetic).name_for(1.0) == "flow-aligned"
    assert "flow-aligned" in all_arms(KINDS, has_audio=False, composed=False)
    assert "gan-aligned" not in all_arms(KINDS, has_audio=False, composed=False)
    assert present(parse_arm("composer", 1.0).synthetic).generators == ()


def test_an_augmentation_of_the_recipe_adds_nothing() -> None:
    assert parse_arm("specaugment+flow", 1.0) == parse_arm("flow", 1.0)
    assert parse_arm("specaugment", 1.0) == Arm("real")
    assert parse_arm("specaugment+flow", 1.0, recipe=()).signals == ("specaugment",)
    assert parse_arm("time-stretch+flow", 1.0, recipe=("time-stretch",)).name == "flow"


def test_a_plain_arm_is_without_the_recipe_and_brings_its_own_reference() -> None:
    arm = parse_arm("plain-specaugment+flow-shuffled", 1.0)
    assert (arm.name, arm.plain, arm.signals, arm.shuffled) == (
        "plain-specaugment+flow-shuffled", True, ("specaugment",), True
    )  # fmt: skip
    assert (arm.reference, parse_arm("flow", 1.0).reference) == ("plain-real-longer", "real")
    assert not parse_arm("plain-real", 1.0).longer
    assert parse_arm("plain-real-longer", 1.0).longer
    assert [it.name for it in choose_arms(("plain-flow", "gan"), KINDS, 1.0)] == [
        "real", "gan", "plain-flow", "plain-real-longer"
    ]  # fmt: skip


def test_how_a_set_is_used_and_asked_for_is_in_its_name() -> None:
    arm = parse_arm("composed:instruments=piano,keys=12,pretraining=660@20-pretrained-shuffled", 1.0)
    assert (arm.use, arm.shuffled, arm.pretraining_steps, arm.equal) == ("pretrained", True, 660, False)
    assert arm.synthetic is not None
    assert arm.synthetic == SyntheticSetSpec("composed", 20.0, music=(("instruments", "piano"), ("keys", "12")))
    assert arm.synthetic.name_for(1.0) == "composed:instruments=piano,keys=12@20"
    assert parse_arm("flow-pretrained-equal", 1.0).equal
    hard = parse_arm("flow-hard", 1.0).synthetic
    assert hard is not None
    assert (hard.emotions, hard.name_for(1.0)) == ("hard", "flow-hard")
    assert parse_arm("their@0.5-only", 1.0, clips=("their",)).use == "only"
    with pytest.raises(UsageError, match="unknown arm 'their'"):
        parse_arm("their", 1.0)
    with pytest.raises(UsageError, match="Did you mean plain-real-longer"):
        parse_arm("real-longer", 1.0)


def test_the_longest_training_of_each_generator_is_compared_with_the_one_nearest_to_a_fifth() -> None:
    names = ["real", "gan", "gan:trained=300", "gan:trained=60", "gan:trained=120", "gan:trained=300-shuffled"]
    names += ["flow:trained=50", "gan:trained=300,truncation=0.5", "gan_without_genre:trained=900", "null"]
    assert training_contrasts([parse_arm(name, 1.0) for name in names]) == [("gan:trained=300", "gan:trained=60")]
    longer = [parse_arm(f"flow:trained={updates}", 1.0) for updates in (800, 50)]
    assert training_contrasts(longer) == [("flow:trained=800", "flow:trained=50")]
