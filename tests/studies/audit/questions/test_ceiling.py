from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.material import write_corpus

from affetti.corpus import Corpus
from affetti.progress import silent
from affetti.studies.audit.answer import Answer, NotMeasurableError
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.counterfactuals.score_penalties import most_common
from affetti.studies.audit.questions.ceiling import QUESTION, measure, rater_agreement


@pytest.fixture(scope="module")
def answer(
    corpus: Corpus, run_of: Callable[[str], Path], made: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Answer:
    generated = tuple((kind, made(kind)) for kind in ("gan", "flow"))
    models = tuple(run_of(kind) for kind in ("gan", "flow"))
    context = AuditContext(corpus, tmp_path_factory.mktemp("audit"), quick=True, generated=generated, models=models)
    return measure(context, silent)


def test_real_music_is_on_top_and_noise_at_the_bottom(answer: Answer) -> None:
    top, bottom = answer["quality_real"], answer["quality_noise"]
    assert top.value is not None and bottom.value is not None
    assert top.value > 80 > 30 > bottom.value
    for name in answer.intervals.names if answer.intervals else ():
        result = answer[name]
        assert result.value is not None and result.ci is not None, name
        assert 0 <= result.ci[0] <= result.value <= result.ci[1] <= 100, name


def test_generators_are_scored_beside_the_studys_own_formula(answer: Answer) -> None:
    for kind in ("gan", "flow"):
        score, cap = answer[f"quality_{kind}"].value, answer["quality_roundtrip"].value
        assert score is not None and cap is not None
        assert answer[f"share_of_ceiling_{kind}"].value == pytest.approx(100 * score / cap)
        assert 0 <= (answer[f"published_{kind}"].value or -1) <= 100
    # 24 steps train no generator: it must be far from music.
    assert (answer["quality_gan"].value or 100) < 60
    assert (answer["sampling_flow"].value or 0) > 0
    assert (answer["training_flow"].value or 0) > 0


def test_a_complex_stft_keeps_all_points_and_scale_and_logarithm_have_intervals(answer: Answer) -> None:
    whole = answer["quality_stft"]
    assert whole.value == pytest.approx(answer["quality_real"].value, abs=3)
    assert whole.value is not None and whole.value > 90
    for name in ("penalty_mel_scale", "penalty_logarithm"):
        result = answer[name]
        assert result.value is not None and result.ci is not None
        assert result.ci[0] <= result.value <= result.ci[1]


def test_phase_is_what_is_lost_between_a_complex_stft_and_its_magnitude(answer: Answer) -> None:
    """Not between rounded decibels and the magnitude: the score detects whole decibels, which are no phase."""
    lost = (answer["quality_stft"].value or 0) - (answer["quality_griffin_lim"].value or 0)
    assert answer["penalty_phase"].value == pytest.approx(lost, abs=3)
    assert (answer["quality_quantised"].value or 0) < 20


def test_generators_of_several_modalities_are_scored_together(answer: Answer) -> None:
    several, kinds = answer["quality_multimodal"], [answer["quality_gan"], answer["quality_flow"]]
    assert several.value == pytest.approx(np.mean([its.value or 0.0 for its in kinds]))
    assert several.ci == (min(its.ci[0] for its in kinds if its.ci), max(its.ci[1] for its in kinds if its.ci))


def test_sampling_costs_seconds_for_a_second_of_sound(answer: Answer) -> None:
    gan, flow = (answer[f"seconds_{kind}"] for kind in ("gan", "flow"))
    assert gan.value is not None and flow.value is not None
    assert 0 < gan.value < flow.value < 60
    assert gan.unit == "s" and "the way from a log-mel to sound" in gan.note


def test_songs_without_words_are_set_beside_songs_with_others(answer: Answer) -> None:
    for name in ("penalty_lyrics", "penalty_voice"):
        result = answer[name]
        assert result.value is not None and result.ci is not None, name
        assert 0 <= result.ci[0] <= result.value <= result.ci[1] <= 100, name
    # The same songs, the voice gone from them, are no likelier to be taken for songs that are sung.
    assert (answer["penalty_voice"].value or 0) >= (answer["penalty_lyrics"].value or 0)
    assert any("no bound on what a generator loses" in caution for caution in answer.cautions)


def test_the_ceiling_of_the_labels(answer: Answer, corpus: Corpus) -> None:
    # The corpus' raters are simulated: ten, each of spread .35. Their mean's noise is known.
    truth = corpus.clips["valence_true"].var(ddof=1)
    expected = 100 * (0.35**2 / 10) / (truth + 0.35**2 / 10)
    assert answer["noise_valence"].value == pytest.approx(expected, rel=0.25)
    assert answer["label_ccc"].value == pytest.approx(0.92, abs=0.04)
    assert answer["reached"].value is not None


def test_agreement_is_the_intraclass_correlation_of_single_ratings() -> None:
    rng = np.random.default_rng(0)
    raters, clips = 6, 4_000
    rows = []
    for truth, noise in ((0.5, 0.5), (0.3, 0.6)):
        ratings = truth * rng.normal(size=(clips, 1)) + noise * rng.normal(size=(clips, raters))
        rows += [ratings.mean(axis=1), ratings.std(axis=1, ddof=1)]
    result = rater_agreement(np.column_stack([*rows, np.full(clips, raters)]))
    assert result == pytest.approx((0.25 / 0.5 + 0.09 / 0.45) / 2, abs=0.02)


def test_sounds_are_named_for_what_they_are(answer: Answer) -> None:
    assert [sound.origin for sound in answer.sounds] == ["composed", *["rebuilt"] * 4]
    assert "32 mel bands" in answer.sounds[-1].label


def test_too_few_songs_are_not_measurable(tmp_path: Path) -> None:
    small = write_corpus(tmp_path / "corpus", songs=6)
    with pytest.raises(NotMeasurableError, match="needs 16 songs or more, here are 6"):
        QUESTION.measure(AuditContext(small, tmp_path / "audit"), silent)


def test_without_sound_and_columns_the_rest_is_measured(tmp_path: Path) -> None:
    plain = write_corpus(tmp_path / "corpus", songs=20)
    plain = replace(plain, clips=plain.clips.assign(raters=0))
    result = measure(AuditContext(plain, tmp_path / "audit", quick=True), silent)
    assert result["quality_roundtrip"].value is not None
    for name in (
        "quality_stft",
        "penalty_mel_scale",
        "penalty_logarithm",
        "quality_bands_128",
        "penalty_phase",
        "penalty_genre",
        "penalty_timbre",
        "label_ccc",
    ):
        assert result[name].value is None, name
        assert "not measurable here" in result[name].note, name
    assert result.sounds == ()
    assert "keep-audio" in result["quality_bands_128"].note


def test_the_commonest_of_values_and_of_lists() -> None:
    assert most_common(np.array(["rock", "jazz", "rock", ""])) == "rock"
    assert most_common(np.array(["bass|drums", "bass|piano", "bass|drums"])) == "drums"  # bass is everywhere
    assert most_common(np.array(["pop", "pop"])) == ""
    assert most_common(np.array(["", ""])) == ""
