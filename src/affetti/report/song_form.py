"""Figures of whole songs: the structure curve, and the level over a song, beside those of real songs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from affetti.report.profiles import profiles
from affetti.studies.scorecard.form_results import Form, FormCurve


@dataclass(frozen=True)
class FormFigures:
    """What is drawn of whole songs; None where it could not be measured."""

    structure: Markup | None
    course: Markup | None


def form_figures(form: Form) -> FormFigures:
    """Draw both curves."""
    structure = form.structure_curve
    course = form.level_course
    return FormFigures(
        None if structure is None else _structure(structure), None if course is None else _course(course)
    )


def _structure(curve: FormCurve) -> Markup:
    lags = np.log2(np.array(curve.at))
    marks = [(float(np.log2(lag)), f"{lag:g}") for lag in curve.at]
    label = "Distance of moments of a song, 1 for chance, by the seconds between them, of real and synthetic songs"
    return profiles(lags, _bands(curve), marks, "seconds apart", label, "")


def _course(curve: FormCurve) -> Markup:
    marks = [(share, f"{100 * share:.0f} %") for share in (curve.at[0], 0.25, 0.5, 0.75, curve.at[-1])]
    label = "Level in dB, less the song's mean, over the song, of real and synthetic songs"
    return profiles(np.array(curve.at), _bands(curve), marks, "position in the song", label)


def _bands(curve: FormCurve) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    real, fake = (
        (np.array(intervals)[:, 0], np.array(mean), np.array(intervals)[:, 1])
        for mean, intervals in ((curve.real, curve.real_ci), (curve.fake, curve.fake_ci))
    )
    return real, fake
