from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from tests.report.conftest import Folders

from affetti import api
from affetti.corpus import Corpus
from affetti.errors import StorageError, UsageError
from affetti.inference.predictor import CurvePoint, SongPrediction
from affetti.studies.augmentation.results import StudyResult
from affetti.studies.scorecard.result import Scorecard
from affetti.training.result import TrainResult


@pytest.fixture(autouse=True)
def closed() -> Generator[None]:
    mpl.use("agg")
    yield
    plt.close("all")


def test_a_corpus_is_drawn_with_a_point_a_clip(folders: Folders) -> None:
    corpus = Corpus.open(folders.corpus)
    ax = corpus.plot()
    assert np.asarray(ax.collections[0].get_offsets()) == pytest.approx(corpus.labels)
    assert ax.get_title() == f"composed: {len(corpus)} clips"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("valence", "arousal")


def test_a_prediction_is_drawn_over_time_with_its_interval() -> None:
    curve = [CurvePoint(0.0, 0.1, 0.2), CurvePoint(1.0, None, None), CurvePoint(2.0, 0.3, 0.4)]
    ax = SongPrediction("music/a.mp3", 0.2, 0.3, valence_ci=[0.0, 0.4], arousal_ci=[0.1, 0.5], curve=curve).plot()
    lines = {str(line.get_label()): line for line in ax.lines}
    assert np.asarray(lines["valence"].get_ydata()) == pytest.approx([0.1, np.nan, 0.3], nan_ok=True)
    assert np.asarray(lines["arousal"].get_xdata()) == pytest.approx([0, 1, 2])
    assert len(ax.patches) == 2
    assert ax.get_title() == "a.mp3"


def test_a_scorecard_is_drawn_with_its_parts_and_interval(folders: Folders) -> None:
    card = Scorecard.open(folders.score)
    ax = card.plot()
    widths = [bar.get_width() for bar in ax.containers[0]]  # type: ignore[attr-defined]
    assert widths == pytest.approx([part.score for part in card.quality.components.values()])
    assert f"Quality Score {card.quality.score:.0f}" in ax.get_legend_handles_labels()[1][0]


def test_a_study_is_drawn_as_differences_with_simultaneous_intervals(folders: Folders) -> None:
    study = StudyResult.open(folders.study)
    figure, given = plt.subplots()
    ax = study.plot(given)
    assert ax is given and ax.figure is figure
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert study.reference not in names and names
    first = next(arm for arm in study.arms if arm.name == names[0])
    assert np.asarray(ax.lines[0].get_xdata()) == pytest.approx(first.delta_ci_simultaneous or first.delta_ci)


def test_what_has_no_picture_says_so(folders: Folders) -> None:
    with pytest.raises(UsageError, match=r"a TrainResult has no picture\. Plot one of: SongPrediction, Scorecard"):
        TrainResult.open(folders.student).plot()
    with pytest.raises(UsageError, match=r"b\.mp3: there is nothing to draw \(broken\)"):
        SongPrediction("b.mp3", error="broken").plot()


def test_a_clip_plays_in_a_notebook(tmp_path: Path, folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    display = ModuleType("IPython.display")
    display.Audio = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with pytest.raises(StorageError, match=r"no such sound\. Make the corpus with --keep-audio"):
        Corpus.open(folders.corpus).play(0)
    api.prepare.run("composed", tmp_path / "corpus", clips=16, keep_audio=True, folds=2, workers=1)
    corpus = Corpus.open(tmp_path / "corpus")
    assert Path(corpus.play(-1).filename).stem == corpus[15].clip_id
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(UsageError, match="IPython is not installed"):
        corpus.play(0)
