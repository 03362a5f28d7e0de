"""What the page of a listener receives: where the listener is, and the trials to play.

Nothing in it says which system made a sound: sounds are numbered in the order of their presentation, and one that is
played twice in a trial, as a hidden reference is, has two numbers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from affetti.studies.listening.answers import CHOICE
from affetti.studies.listening.design import Trial, practice_trials
from affetti.studies.listening.ratings import Listener
from affetti.studies.listening.study import RatingScale, Study

REFERENCE_PLACE = "reference"
"""What stands for the number of a trial's reference."""
PRACTICE = "p"
"""Begins the name of a practice trial."""


@dataclass(frozen=True)
class SoundState:
    """A sound of a trial."""

    id: str
    """Its place in the trial, from 0."""
    name: str
    """What the page calls it."""


@dataclass(frozen=True)
class TrialState:
    """A trial as it is shown."""

    id: str
    """Its number in the session; of the practice page, after a ``p``."""
    task: str
    practice: bool
    instruction: str | None
    """What an attention check asks for."""
    reference: SoundState | None
    sounds: list[SoundState]
    scales: list[dict[str, Any]]


@dataclass(frozen=True)
class ListenerState:
    """Where a listener is."""

    done: int
    """Answered trials."""
    total: int
    headphones: bool
    """Whether the headphone check is still to come."""
    practice: list[TrialState]
    """Trials of the practice page, while nothing has been answered."""
    trial: TrialState | None
    """The trial to answer; None: all have been."""
    next: TrialState | None
    """The one after it, whose sounds can be loaded."""
    code: str
    """The completion code, once all have been answered; empty where the study has none."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def listener_state(study: Study, listener: Listener, trials: tuple[Trial, ...]) -> ListenerState:
    """Where ``listener`` is among ``trials``, which are the listener's."""
    open_trials = [trial for trial in trials if trial.number not in listener.answered]
    shown = [trial_state(study, trial) for trial in open_trials[:2]]
    practice = [] if listener.answered else [trial_state(study, trial) for trial in practice_trials(study)]
    return ListenerState(
        done=len(trials) - len(open_trials),
        total=len(trials),
        headphones=study.headphone_check and listener.headphones is None,
        practice=practice,
        trial=shown[0] if shown else None,
        next=shown[1] if len(shown) > 1 else None,
        code="" if open_trials else study.completion_code,
    )


def trial_state(study: Study, trial: Trial) -> TrialState:
    """The trial as it is shown."""
    practice = trial.purpose == "practice"
    names = _names(study, len(trial.clips))
    return TrialState(
        id=f"{PRACTICE if practice else ''}{trial.number}",
        task=study.task,
        practice=practice,
        instruction=_instruction(study, trial, names) if trial.purpose == "attention" else None,
        reference=SoundState(REFERENCE_PLACE, study.text("reference")) if trial.reference else None,
        sounds=[SoundState(str(place), name) for place, name in enumerate(names)],
        scales=[_scale(scale) for scale in study.scales],
    )


def clip_of(study: Study, trials: tuple[Trial, ...], trial_id: str, sound_id: str) -> str | None:
    """The id of the clip that a page calls ``sound_id`` of trial ``trial_id``; None: there is none."""
    is_practice = trial_id.startswith(PRACTICE)
    candidates = practice_trials(study) if is_practice else trials
    by_id = {str(trial.number): trial for trial in candidates}
    trial = by_id.get(trial_id.removeprefix(PRACTICE) if is_practice else trial_id)
    if trial is None:
        return None
    places = {str(place): clip for place, clip in enumerate(trial.clips)}
    if trial.reference:
        places[REFERENCE_PLACE] = trial.reference
    return places.get(sound_id)


def _names(study: Study, count: int) -> list[str]:
    if count == 1:
        return [study.text("sound")]
    return [str(place + 1) if study.task == "mushra" else "ABC"[place] for place in range(count)]


def _scale(scale: RatingScale) -> dict[str, Any]:
    return {**asdict(scale), "points": scale.points}


def _instruction(study: Study, trial: Trial, names: list[str]) -> str:
    """What an attention check asks for, in words."""
    if CHOICE in trial.expected:
        answer = names[int(trial.expected[CHOICE])]
    else:
        scales = {scale.name: scale for scale in study.scales}
        answer = ", ".join(_end(scales[name], value) for name, value in trial.expected.items())
    return study.text("attention", answer=answer)


def _end(scale: RatingScale, value: float) -> str:
    """An end of a scale in words."""
    low = value == scale.low
    return scale.labels[0 if low else -1] if scale.labels else f"{scale.name} {value:g}"
