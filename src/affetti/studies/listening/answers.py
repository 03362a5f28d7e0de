"""Answers to trials: what is accepted, and the rows of the tidy table that they become.

An answer maps names to numbers:

- ``rate``: every scale of the study to its rating;
- ``pair``: ``choice`` to 0 (the first sound), 1 (the second) or -1 (no difference, where it is offered);
- ``mushra``: the place of each sound, ``"0"``, ``"1"`` …, to a rating from 0 to 100;
- ``spot``: ``choice`` to the place of the sound that differs: 0, 1 or 2.

Of a pair, the table has a row for each of the two clips, on the scale ``preference``: 1 (chosen), 0, or 0.5 (no
difference). Of a triangle it has one row, for the clip that differs, on the scale ``spotted``: 1 or 0. Of an attention
check it has one row, on the scale ``attention``: 1 (passed) or 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from affetti.errors import InputError
from affetti.studies.listening.design import Trial
from affetti.studies.listening.study import MUSHRA_RANGE, RatingScale, Study

PREFERENCE, SPOTTED, ATTENTION, SIMILARITY = "preference", "spotted", "attention", "similarity"
"""Scales of the tidy table that are no scale of the study."""
CHOICE = "choice"
NO_DIFFERENCE = -1.0
TOLERANCE = 0.3
"""How far from the end of a scale, as a part of its range, an attention check may be answered."""


@dataclass(frozen=True)
class RatingRow:
    """One row of the tidy table."""

    clip: str
    system: str
    scale: str
    rating: float
    condition: str
    trial: int
    purpose: str
    against: str = ""
    """The system of the other clip, of pairs and triangles."""

    def to_dict(self) -> dict[str, Any]:
        """The row by column."""
        return asdict(self)


def check_answer(study: Study, trial: Trial, answer: Mapping[str, Any]) -> dict[str, float]:
    """The answer as numbers, if it answers the trial.

    Raises:
        InputError: a part is missing or unknown, or a number is off its scale; names it.
    """
    expected = _domains(study, trial)
    where = f"trial {trial.number}"
    for name in answer:
        if name not in expected:
            raise InputError(f"unknown part {name!r} of the answer", where=where, hint=f"give {', '.join(expected)}")
    for name in expected:
        if name not in answer:
            raise InputError(f"the answer lacks {name}", where=where, hint=f"give {', '.join(expected)}")
    checked: dict[str, float] = {}
    for name, scale in expected.items():
        value = answer[name]
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        steps = (number - scale.low) / scale.step if scale.step else 0.0
        if not scale.low <= number <= scale.high or abs(steps - round(steps)) > 1e-6:
            what = f"{name} is {value!r}"
            points = f", in steps of {scale.step:g}" if scale.step else ""
            raise InputError(what, where=where, hint=f"give a number from {scale.low:g} to {scale.high:g}{points}")
        checked[name] = number
    return checked


def passed(study: Study, trial: Trial, answer: Mapping[str, float]) -> bool:
    """Whether the answer to an attention check is the one that it asks for, give or take :data:`TOLERANCE`."""
    domains = _domains(study, trial)
    return all(
        abs(answer[name] - value) <= (TOLERANCE * (domains[name].high - domains[name].low) if name != CHOICE else 0.0)
        for name, value in trial.expected.items()
    )


def rating_rows(study: Study, trial: Trial, answer: Mapping[str, float]) -> list[RatingRow]:
    """The rows of the tidy table that an answer becomes."""
    clips = [study.by_id[clip] for clip in trial.clips]

    def row(place: int, scale: str, rating: float, against: str = "") -> RatingRow:
        clip = clips[place]
        return RatingRow(clip.id, clip.system, scale, rating, clip.condition, trial.number, trial.purpose, against)

    if trial.purpose == "attention":
        return [row(0, ATTENTION, float(passed(study, trial, answer)))]
    if study.task == "rate":
        return [row(0, name, rating) for name, rating in answer.items()]
    if study.task == "mushra":
        return [row(int(place), SIMILARITY, rating) for place, rating in answer.items()]
    choice = int(answer[CHOICE])
    if study.task == "pair":
        rating = {NO_DIFFERENCE: (0.5, 0.5), 0: (1.0, 0.0), 1: (0.0, 1.0)}[choice]
        return [row(place, PREFERENCE, rating[place], clips[1 - place].system) for place in (0, 1)]
    odd = next(place for place, clip in enumerate(trial.clips) if trial.clips.count(clip) == 1)
    other = clips[(odd + 1) % 3].system
    return [row(odd, SPOTTED, float(choice == odd), other)]


def _domains(study: Study, trial: Trial) -> dict[str, RatingScale]:
    """What each part of an answer may be."""
    if study.task == "rate":
        return {scale.name: scale for scale in study.scales}
    if study.task == "mushra":
        return {str(place): RatingScale(str(place), *MUSHRA_RANGE) for place in range(len(trial.clips))}
    least = NO_DIFFERENCE if study.task == "pair" and study.no_difference else 0.0
    return {CHOICE: RatingScale(CHOICE, least, float(min(len(trial.clips), 3) - 1), 1.0)}
