from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.material import write_corpus
from tests.studies.audit.sounding import hurried

from affetti.progress import silent
from affetti.studies.audit.answer import Answer
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.spaces import CHANGED, LABELS, ROOMS, SPREADS, side_energy, stereo_variants
from affetti.studies.audit.questions import space


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, AuditContext]:
    folder = tmp_path_factory.mktemp("audit")
    context = AuditContext(write_corpus(folder / "corpus"), folder, quick=True)
    with pytest.MonkeyPatch.context() as patch, hurried():
        patch.setattr(space, "MAX_SONGS_QUICK", 8)
        return space.measure(context, silent), context


def test_every_change_is_measured_and_moves_the_log_mel_the_more_the_larger_it_is(answered) -> None:
    answer, _ = answered
    for name in CHANGED:
        assert answer[f"distance_{name}"].value > 0
        assert answer[f"arousal_{name}"].ci is not None
        assert answer[f"valence_{name}"].value is not None
    for ladder in (ROOMS, SPREADS):
        distances = [answer[f"distance_{name}"].value for name in ladder]
        assert distances == sorted(distances)
        similarities = [answer[f"similarity_{name}"].value for name in ladder]
        assert similarities == sorted(similarities, reverse=True)
        assert min(similarities) > answer["similarity_other_songs"].value


def test_one_channel_keeps_a_room_and_hardly_a_pan(answered) -> None:
    answer, _ = answered
    assert answer["distance_wide"].value < 2.0 < answer["distance_room_03"].value
    assert answer["similarity_wide"].value > 0.99
    assert answer["sharpness_wide"].value == pytest.approx(100, abs=5)
    assert answer["sharpness_room_2"].value < 80
    assert 5 < answer["side_energy"].value < 40
    assert answer["read_room_paired"].value > 0.5
    assert answer["read_room_paired"].value > answer["read_spread"].value


def test_the_sounds_are_filed_and_the_sentence_has_its_numbers(answered) -> None:
    answer, context = answered
    assert len(answer.sounds) == 5
    assert all((context.folder / sound.file).is_file() for sound in answer.sounds)
    assert "(not measured)" not in answer.sentence
    assert f"{answer['read_room'].value:.2f}" in answer.sentence


def test_labels_that_do_not_differ_leave_the_predictions_out(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", labels=np.zeros((24, 2)))
    with pytest.MonkeyPatch.context() as patch, hurried():
        patch.setattr(space, "MAX_SONGS_QUICK", 5)
        answer = space.measure(AuditContext(corpus, tmp_path, quick=True), silent)
    assert answer["arousal_room_2"].value is None
    assert "needs 5 songs" in answer["arousal_room_2"].note
    assert "Predicted arousal" not in answer.sentence


def test_variants_differ_in_one_thing_alone(answered) -> None:
    _, context = answered
    variants = dict(stereo_variants(context, context.compose_song(0)))
    assert list(variants) == list(LABELS)
    assert all(stereo.shape == (2, context.front_end.samples) for stereo in variants.values())
    assert side_energy(variants["dry"]) == 0.0
    assert side_energy(variants["spread_60"]) == 0.0
    assert side_energy(variants["wide"]) > 1.0
    # The direct sound is in every room: what is added begins 10 ms later.
    assert torch.equal(variants["dry"][0], variants["dry"][1])
