"""Pieces along an emotion curve."""

from __future__ import annotations

import numpy as np
import pytest

from affetti.compose.cues import valence_arousal
from affetti.compose.curve import MAX_SECONDS, CurveSettings, compose_along
from affetti.compose.renderer import render
from affetti.emotion import EmotionCurve
from affetti.errors import AffettiError, InputError, UsageError

SAD_TO_HAPPY = EmotionCurve((0.0, 60.0), ((-0.5, -0.3), (0.5, 0.4)))


@pytest.mark.parametrize("seconds", [4.0, 7.3, 61.0, 180.0, MAX_SECONDS])
def test_a_piece_has_exactly_the_length_requested(seconds: float) -> None:
    piece = compose_along(SAD_TO_HAPPY, seconds)
    assert piece.duration == pytest.approx(seconds)
    starts = [section.start for section in piece.sections]
    assert starts == pytest.approx(np.cumsum([0.0, *(section.duration for section in piece.sections)])[:-1])
    assert max(note.start for part in piece.parts for note in part.notes) < seconds


def test_the_cues_follow_the_curve() -> None:
    piece = compose_along(SAD_TO_HAPPY, 60.0)
    requested = [SAD_TO_HAPPY.mean(s.start, s.start + s.duration) for s in piece.sections]
    given = np.array([valence_arousal(section.cues) for section in piece.sections])
    assert given == pytest.approx(np.array([(e.valence, e.arousal) for e in requested]), abs=0.06)


def test_every_melody_note_comes_at_the_rate_of_its_sections_tempo() -> None:
    piece = compose_along(SAD_TO_HAPPY, 60.0)
    melody = next(part for part in piece.parts if part.name == "melody")
    for section in piece.sections:
        count = sum(section.start <= note.start < section.start + section.duration - 1e-6 for note in melody.notes)
        assert count / section.duration <= section.cues.tempo * 1.01


def test_the_sound_gets_louder_and_denser_where_arousal_rises() -> None:
    curve = EmotionCurve((0.0, 40.0), ((0.0, -0.4), (0.0, 0.5)))
    sound = render(compose_along(curve, 40.0), 22_050)
    halves = np.split(sound, 2)
    assert np.sqrt((halves[1] ** 2).mean()) > np.sqrt((halves[0] ** 2).mean())


def test_a_piece_depends_on_its_settings_alone() -> None:
    settings = CurveSettings("jazz", key=3, seed=5)
    assert compose_along(SAD_TO_HAPPY, 30.0, settings) == compose_along(SAD_TO_HAPPY, 30.0, settings)
    assert compose_along(SAD_TO_HAPPY, 30.0, settings) != compose_along(SAD_TO_HAPPY, 30.0, CurveSettings("jazz", 3, 6))


def test_a_held_cue_holds_in_every_section() -> None:
    piece = compose_along(SAD_TO_HAPPY, 30.0, CurveSettings(held={"timbre": "violin", "register": 60.0}))
    assert {(section.cues.timbre, section.cues.register) for section in piece.sections} == {("violin", 60.0)}


@pytest.mark.parametrize(
    ("times", "points", "message"),
    [
        ((), (), "0 times and 0 points"),
        ((0.0, 1.0), ((0.0, 0.0),), "2 times and 1 points"),
        ((1.0, 0.0), ((0.0, 0.0), (0.0, 0.0)), "not ascending"),
        ((-1.0,), ((0.0, 0.0),), "not ascending"),
        ((float("nan"),), ((0.0, 0.0),), "not ascending"),
        ((4000.0,), ((0.0, 0.0),), "ends after 4000 s"),
        ((0.0,), ((1.5, 0.0),), "valence 1.5 lies outside"),
        ((0.0,), ((0.0, float("nan")),), "arousal nan lies outside"),
    ],
)
def test_invalid_curves_are_refused(
    times: tuple[float, ...], points: tuple[tuple[float, float], ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        EmotionCurve(times, points)


def test_invalid_settings_are_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="unknown genre 'polka'"):
        CurveSettings("polka")
    with pytest.raises(UsageError, match="key 12"):
        CurveSettings(key=12)
    for seconds in (0.0, 1e9, float("nan")):
        with pytest.raises(AffettiError, match="a piece of"):
            compose_along(SAD_TO_HAPPY, seconds)


def test_the_mean_of_a_curve_is_its_integral() -> None:
    curve = EmotionCurve((0.0, 2.0, 4.0), ((0.0, 0.0), (1.0, -1.0), (0.0, 0.0)))
    assert curve.mean(1.0, 3.0).valence == pytest.approx(0.75)
    assert curve.mean(2.0, 2.0).arousal == pytest.approx(-1.0)
    assert curve.mean(10.0, 20.0).valence == 0.0
