from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affetti.corpus import Corpus
from affetti.errors import InputError, MismatchError
from affetti.inference.filtering import EmotionFilter, FilterSummary, filter_summary
from affetti.inference.generation import GenerationSettings, generate_corpus
from affetti.training import run as runs


@pytest.fixture(scope="module")
def emotion_filter(corpus: Corpus, run_of: Callable[[str], Path]) -> EmotionFilter:
    return EmotionFilter.fit(runs.load(run_of("flow")), corpus)


def test_it_keeps_real_clips_of_their_own_label_and_not_of_another(
    corpus: Corpus, emotion_filter: EmotionFilter
) -> None:
    rows = corpus.fold(0).test
    mel, labels = np.asarray(corpus.mel[rows]), corpus.labels[rows]
    own = emotion_filter.accepts(mel, labels).mean()
    far = emotion_filter.accepts(mel, np.where(labels > 0, labels - 1, labels + 1)).mean()
    assert own > 0.5
    assert far < 0.5 * own


def test_the_tolerance_is_what_the_share_of_real_clips_keeps(corpus: Corpus, run_of: Callable[[str], Path]) -> None:
    trained = runs.load(run_of("flow"))
    strict, lax = EmotionFilter.fit(trained, corpus, 0.5), EmotionFilter.fit(trained, corpus, 0.95)
    assert 0 < strict.tolerance < lax.tolerance < np.sqrt(8)


def test_another_corpus_is_refused(corpus: Corpus, run_of: Callable[[str], Path]) -> None:
    trained = runs.load(run_of("flow"))
    meta = replace(trained.meta, corpus=replace(trained.meta.corpus, content_hash="other"))
    trained = replace(trained, meta=meta)
    with pytest.raises(MismatchError, match="not the corpus of this generator"):
        EmotionFilter.fit(trained, corpus)


def test_the_effect_of_filtering_is_reported() -> None:
    emotion = np.array([[-0.9, -0.9], [-0.8, -0.9], [0.9, 0.9], [0.0, 0.0]])
    summary = filter_summary(emotion, np.array([True, False, True, False]), 0.3)
    assert (summary.tried, summary.accepted, summary.tolerance) == (4, 0.5, 0.3)
    assert summary.coverage == pytest.approx(2 / 3)
    assert summary.shift["valence"] == pytest.approx(0.0 - -0.2)
    assert summary.spread["valence"] == pytest.approx(0.9 / emotion[:, 0].std())


def test_filtered_clips_are_those_of_the_unfiltered_set_that_the_filter_accepts(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], emotion_filter: EmotionFilter
) -> None:
    run = run_of("flow")
    plain = generate_corpus(run, 40, tmp_path / "plain", GenerationSettings(seed=3))
    kept = emotion_filter.accepts(np.asarray(plain.mel), plain.labels)
    made = generate_corpus(run, 8, tmp_path / "kept", GenerationSettings(seed=3, filter_by=corpus.path))
    summary = FilterSummary(**made.meta["provenance"]["filter"])
    assert summary.tried in (8, 16, 24, 32, 40)
    expected = np.flatnonzero(kept[: summary.tried])[:8]
    assert made.clips["clip_id"].tolist() == plain.clips["clip_id"].iloc[expected].tolist()
    assert np.abs(made.mel.astype(float) - plain.mel[expected]).max() < 0.05
    assert summary.accepted == pytest.approx(kept[: summary.tried].mean())


def test_where_no_clip_passes_the_folder_is_free_again(
    tmp_path: Path, corpus: Corpus, run_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_filter: EmotionFilter, mel: np.ndarray, _emotion: np.ndarray) -> np.ndarray:
        return np.zeros(len(mel), dtype=bool)

    monkeypatch.setattr(EmotionFilter, "accepts", none)
    settings = GenerationSettings(filter_by=corpus.path)
    with pytest.raises(InputError, match="of 5 clips, none has a predicted emotion near"):
        generate_corpus(run_of("flow"), 1, tmp_path / "made", settings)
    assert not (tmp_path / "made").exists()
    assert len(generate_corpus(run_of("flow"), 1, tmp_path / "made", replace(settings, filter_by=None))) == 1
