import numpy as np
import pytest

from affetti.api.report import nine_emotions
from affetti.metrics.quality import Component
from affetti.presets import MelFrontEnd
from affetti.report import figures
from affetti.report.audio_examples import spectrogram
from affetti.report.drawing import SHAPES, Axis, shape, tick


def test_an_axis_maps_its_ends_and_ticks_lie_within():
    axis = Axis(-1, 1, 40, 240)
    assert (axis(-1), axis(0), axis(1)) == (40, 140, 240)
    assert axis.ticks() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert tick(-0.5) == "−0.5"
    assert tick(-0.0) == "0"


def test_markers_differ_in_shape_not_in_colour_alone():
    drawn = {shape(0, 0, number, 3).replace(f"c{number}", "") for number in range(len(SHAPES))}
    assert len(drawn) == len(SHAPES)


def test_large_corpora_are_subsampled_and_the_report_says_so():
    labels = np.random.default_rng(0).uniform(-1, 1, (5_000, 2))
    drawn = figures.plane(labels, np.zeros(5_000, dtype=np.intp), ["all"])
    assert drawn.count("<circle") <= figures.MAX_POINTS
    assert "of 5000 clips" in drawn


@pytest.mark.parametrize(
    "lines", [[], [{"step": 1, "loss": None}], [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 2.0}]]
)
def test_curves_of_little_or_nothing(lines):
    assert figures.curves(lines, ("loss",), "x").startswith("<svg")


def test_the_grid_has_emotions_of_the_corpus():
    labels = np.random.default_rng(0).uniform(-0.5, 0.3, (100, 2))
    chosen = nine_emotions(labels)
    assert chosen.shape == (9, 2)
    assert (chosen >= -0.5).all()
    assert (chosen <= 0.3).all()
    assert chosen[0, 1] > chosen[8, 1]  # high arousal is on top
    assert chosen[0, 0] < chosen[2, 0]


def test_parts_of_the_quality_score_without_words_are_called_by_their_keys():
    parts = {"texture": Component(0.2, 60.0, 0.1, 1.0), "glitter": Component(0.3, 50.0, 0.1, 1.0)}
    drawn = figures.components(parts, {"texture": "Texture"})
    assert "Texture 0.2" in drawn
    assert "glitter 0.3" in drawn
    assert "<svg" in figures.components({}, {})


def test_long_clips_keep_a_small_image():
    front = MelFrontEnd()
    mel = np.random.default_rng(0).normal(size=front.shape).astype(np.float32)
    assert len(spectrogram(mel, front, -3, 3, "x")) < 120_000
