from __future__ import annotations

import pytest

from affetti.augment import waveform
from affetti.errors import MissingDependencyError, UsageError
from affetti.studies.augmentation.arms import Arm, Made, choose, everything, parse, usual

KINDS = ("gan", "flow")


def test_names_are_read_as_what_an_arm_is_made_of() -> None:
    assert parse("real", 1.0) == Arm("real")
    assert parse("specaugment+c-mixup", 1.0).signals == ("specaugment", "c-mixup")
    assert parse("flow", 2.0).made == Made("flow", 2.0)
    assert parse("flow@2.3", 1.0).made == Made("flow", 2.3)
    both = parse("specaugment+flow@0.5-filtered-only", 1.0)
    assert (both.signals, both.made, both.use) == (("specaugment",), Made("flow", 0.5, filtered=True), "only")
    dialled = parse("flow:guidance=1.5,steps=4,trained=100-shuffled", 1.0)
    assert dialled.made == Made("flow", 1.0, (("guidance", 1.5), ("steps", 4.0)), 100)
    assert dialled.use == "shuffled"
    assert parse("audio-stretch@0.5", 1.0).made == Made("audio-stretch", 0.5)


def test_a_set_is_named_by_what_tells_it_from_others_and_its_name_reads_back() -> None:
    for name in ("flow", "flow@2.3", "gan:truncation=0.5-filtered", "flow:guidance=2,trained=40@4", "composer@0.25"):
        made = parse(name, 1.0).made
        assert made is not None
        assert made.named(1.0) == name
        assert parse(made.named(1.0), 1.0).made == made
    shuffled, plain = parse("flow-shuffled", 1.0).made, parse("flow", 1.0).made
    assert shuffled == plain, "shuffling is not of the set: it is made once"
    assert parse("flow@2", 2.0).made == parse("flow", 2.0).made


WRONG = (
    "flwo",
    "flow-only-shuffled",
    "flow-only-only",
    "flow+gan",
    "flow:guidance",
    "flow:guidance=x",
    "",
    "real+flow",
)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_arm_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(UsageError, match=r"unknown arm .*(Choose from real|Did you mean)") as caught:
        parse(name, 1.0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [("flow@0", "more than 0"), ("flow:trained=0", "more than 0"), ("composer-filtered", "no dials and no filter")],
)
def test_numbers_and_settings_that_make_no_sense_are_refused(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse(name, 1.0)


def test_the_default_is_eight_arms_and_all_is_every_kind_of_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(usual(KINDS)) == 8
    names = everything(KINDS, sound=True, composed=True)
    assert len(names) == len(set(names))
    assert {"flow@0.25", "gan@4", "flow-only", "flow-pretrained", "flow-filtered", "flow-shuffled"} <= set(names)
    assert {"mixup", "pitch-shift-relabelled", "composer", "audio-shift", "best"} <= set(names)
    monkeypatch.setattr(waveform, "available", lambda: True)
    assert [arm.name for arm in choose(("all",), KINDS, 1.0, sound=True, composed=True)] == names


def test_real_arms_are_always_there_and_best_comes_last() -> None:
    assert [arm.name for arm in choose(("best", "mixup"), KINDS, 1.0)] == ["real", "real-longer", "mixup", "best"]
    found = choose(("flow",), KINDS, 1.0, extra=("flow:guidance=2",))
    assert [arm.name for arm in found] == ["real", "real-longer", "flow", "flow:guidance=2"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("waveform", "no sound was kept"),
        ("composer", "nobody composed this corpus"),
        ("audio-stretch", "kept no sound"),
    ],
)
def test_an_arm_needs_what_is_at_hand(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        choose((name,), KINDS, 1.0)


def test_ridge_regression_has_the_arms_whose_clips_differ() -> None:
    closed = [name for name in everything(KINDS, sound=False, composed=True) if parse(name, 1.0).closed_form]
    assert {"real", "gan", "flow-only", "flow-shuffled", "flow@2.3", "composer"} <= set(closed)
    assert not {"real-longer", "specaugment", "flow-pretrained"} & set(closed)


def test_copies_of_sound_are_refused_by_name_and_left_out_of_all_where_the_library_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waveform, "available", lambda: False)
    with pytest.raises(MissingDependencyError, match=r"affetti\[augment\]"):
        choose(("audio-stretch",), KINDS, 1.0, sound=True)
    assert "audio-stretch" not in [arm.name for arm in choose(("all",), KINDS, 1.0, sound=True)]
