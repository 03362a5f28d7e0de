from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.material import mels

from affetti.augment.spectrogram import spec_augment
from affetti.compose.cues import Cues, valence_arousal
from affetti.errors import UsageError
from affetti.presets import FRONT_ENDS, MelFrontEnd
from affetti.training.clips import Clips
from affetti.training.signal_augmentation import (
    MAX_RELABELLED_RATE,
    MAX_RELABELLED_SEMITONES,
    MIDDLE_TEMPO,
    RECIPE,
    SIGNALS,
    ChangedClips,
    augmented,
    changes,
    parse_augmentations,
    shifted,
    stretched,
)

TINY = FRONT_ENDS["tiny"]
CALM = Cues("major", 65, MIDDLE_TEMPO, 0, 0.75, "piano", "happy")


def test_labels_stay_within_safe_limits_and_move_by_the_cue_model_beyond() -> None:
    torch.manual_seed(0)
    mel, labels = mels(400, (16, 32)), torch.zeros(400, 2)
    front = MelFrontEnd(n_mels=16)
    assert torch.equal(stretched(mel, labels)[1], labels)
    assert torch.equal(shifted(mel, labels, front)[1], labels)
    moved = stretched(mel, labels, MAX_RELABELLED_RATE, relabel=True)[1]
    faster = np.subtract(
        valence_arousal(Cues("major", 65, MAX_RELABELLED_RATE * MIDDLE_TEMPO, 0, 0.75, "piano", "happy")),
        valence_arousal(CALM),
    )
    np.testing.assert_allclose(moved.amax(dim=0), faster, rtol=0.03)
    assert ((moved[:, 0] > 0) == (moved[:, 1] > 0)).all(), "tempo raises both"
    higher = np.subtract(
        valence_arousal(Cues("major", 65 + MAX_RELABELLED_SEMITONES, MIDDLE_TEMPO, 0, 0.75, "piano", "happy")),
        valence_arousal(CALM),
    )
    moved = shifted(mel, labels, front, MAX_RELABELLED_SEMITONES, relabel=True)[1]
    assert moved[:, 0].max() == pytest.approx(higher[0], rel=0.03)
    assert moved[:, 1].min() == pytest.approx(higher[1], rel=0.03)


def test_relabelled_points_stay_on_the_plane() -> None:
    torch.manual_seed(1)
    corner = torch.ones(50, 2)
    assert stretched(mels(50, (16, 32)), corner, MAX_RELABELLED_RATE, relabel=True)[1].abs().max() <= 1


def test_batches_are_augmented_at_each_step_and_statistics_are_of_unchanged_clips() -> None:
    mel = mels(24, TINY.shape).numpy()
    labels = np.random.default_rng(0).uniform(-1, 1, (24, 2))
    plain = Clips(mel, labels, np.arange(24))
    for name in SIGNALS:
        clips = ChangedClips(mel, labels, np.arange(24), changes((name,), TINY))

        def batch(step: int, clips: ChangedClips = clips) -> tuple[torch.Tensor, torch.Tensor]:
            torch.manual_seed(step)  # as the loop does
            return clips.batch(24, 0, step)

        first, again, later = batch(0), batch(0), batch(1)
        assert torch.equal(first[0], again[0])
        assert torch.equal(clips.sample()[0], plain.sample()[0])
        if name == "specaugment":
            assert torch.equal(first[0], plain.batch(24, 0, 0)[0]), "the loop masks normalised log-mels itself"
        else:
            assert not torch.equal(first[0], plain.batch(24, 0, 0)[0])
            assert not torch.equal(first[0], later[0])
        assert first[0].shape == (24, *TINY.shape)
        assert first[1].abs().max() <= 1


def test_changes_follow_each_other() -> None:
    assert len(changes(("specaugment", "mixup", "pitch-shift"), TINY)) == 2


def test_the_recipe_is_the_default_and_none_leaves_all_out() -> None:
    assert parse_augmentations(None) == RECIPE == ("specaugment",)
    assert parse_augmentations("none") == ()
    assert parse_augmentations("time-stretch+c-mixup") == ("time-stretch", "c-mixup")


@pytest.mark.parametrize(
    ("text", "says"),
    [("specaug", "unknown augmentation 'specaug'"), ("mixup+mixup", "named twice"), ("", "unknown augmentation ''")],
)
def test_augmentations_that_do_not_exist_are_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_augmentations(text)
    assert "--augment" in str(caught.value)


def test_clips_are_augmented_by_what_is_named_and_without_any_no_training_stops_early() -> None:
    plain = Clips(mels(8, TINY.shape).numpy(), np.zeros((8, 2)), np.arange(8))
    clips, options = augmented(plain, RECIPE, TINY)
    assert (clips, options.augment, options.stop_early) == (plain, spec_augment, True)
    clips, options = augmented(plain, ("specaugment", "mixup"), TINY)
    assert isinstance(clips, ChangedClips)
    assert len(clips.changes) == 1
    clips, options = augmented(plain, (), TINY)
    assert (clips, options.augment, options.stop_early) == (plain, None, False)
