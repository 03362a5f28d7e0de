"""Which trials each listener answers: balanced incomplete blocks, computed from the study and the listener's number.

A *unit* is what one trial asks about: a clip (``rate``), two versions of a condition (``pair``, ``spot``), or all
versions of a condition (``mushra``). Units are dealt from a deck, listener after listener. The deck is made of passes,
each of which holds every unit once; a pass is made of rounds, each of which holds every condition once and every system
(or pair of systems) as evenly as the numbers allow, one after the other. Whoever is dealt units from the end of one
round and the head of the next skips conditions that they have already, which the next listener then gets first. So,
whenever all listeners up to some number are complete:

- any two units have been answered equally often, give or take one;
- nobody meets a condition twice, unless the task compares versions and there are more trials than conditions.

From pass to pass a unit changes places: its order within the pair alternates (a triangle goes through all six
arrangements), and so does the half of the session in which it comes. Repeated trials come again near the end;
attention checks are spread over the session.

When not to use: to test order effects themselves; orders are balanced here, not crossed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from threading import Lock
from typing import Literal

import numpy as np

from affetti.random import child_seed
from affetti.studies.listening.study import REFERENCE, Study

Purpose = Literal["main", "repeat", "attention", "practice"]
ARRANGEMENTS = 6
"""Orders of a triangle: which of two versions is the odd one, and at which of three places it is."""


@dataclass(frozen=True)
class Trial:
    """One page of answers."""

    number: int
    """Its place in the session, from 0."""
    purpose: Purpose
    clips: tuple[str, ...]
    """Ids of the clips in the order in which they are presented; ``spot`` names the clip that is there twice twice."""
    reference: str = ""
    """The clip that the others are compared with, of ``mushra``."""
    expected: dict[str, float] = field(default_factory=dict[str, float])
    """The answer that an attention check asks for."""


@dataclass(frozen=True)
class _Unit:
    """What one trial asks about: a condition, and the ids of the versions concerned."""

    condition: str
    clips: tuple[str, ...]
    group: str
    """Its system, or pair of systems."""


@dataclass(frozen=True)
class _Dealt:
    """A unit, and the number of the pass that it was dealt in."""

    unit: _Unit
    turn: int


class Design:
    """The trials of every listener of a study; safe to use from several threads.

    Listeners are dealt one after the other, and kept, so that the first call for number n computes those below it too.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._units = _units(study)
        self._versions = len(next(iter(self._units.values())))
        self._deck: list[_Dealt] = []
        self._rounds = 0
        self._hands: list[list[_Dealt]] = []
        self._lock = Lock()

    def trials(self, number: int) -> tuple[Trial, ...]:
        """The trials of the listener with the given number, from 0, in order."""
        with self._lock:
            while len(self._hands) <= number:
                self._hands.append(self._deal())
            hand = self._hands[number]
        rng = np.random.default_rng(child_seed(self.study.seed, "listener", number))
        late = [(self._bit("half", it.unit) ^ (it.turn & 1), rng.random()) for it in hand]
        ordered = [hand[index] for index in sorted(range(len(hand)), key=lambda index: late[index])]
        session = [self._trial(it, number) for it in ordered]
        self._insert_repeats(session, ordered, number, rng)
        self._insert_checks(session, ordered, number, rng)
        return tuple(replace(trial, number=place) for place, trial in enumerate(session))

    def _deal(self) -> list[_Dealt]:
        """The units of the next listener."""
        distinct = self.study.per_listener <= len(self._units)
        hand: list[_Dealt] = []
        used: set[object] = set()
        while len(hand) < self.study.per_listener:
            free = (i for i, it in enumerate(self._deck) if (it.unit.condition if distinct else it.unit) not in used)
            index = next(free, None)
            if index is None:
                self._deck += self._next_round()
                continue
            taken = self._deck.pop(index)
            hand.append(taken)
            used.add(taken.unit.condition if distinct else taken.unit)
        return hand

    def _next_round(self) -> list[_Dealt]:
        """Every condition once, its versions as evenly as the numbers allow, one group after the other."""
        turn, step = divmod(self._rounds, self._versions)
        self._rounds += 1
        # offset[c] + step, modulo the number of versions, goes once through the versions of c in a pass.
        offsets = np.arange(len(self._units)) % self._versions
        np.random.default_rng(child_seed(self.study.seed, "pass", turn)).shuffle(offsets)
        rng = np.random.default_rng(child_seed(self.study.seed, "round", turn, step))
        picked = [
            versions[(int(offset) + step) % self._versions]
            for offset, versions in zip(offsets, self._units.values(), strict=True)
        ]
        groups: dict[str, list[_Unit]] = {}
        for index in rng.permutation(len(picked)):
            groups.setdefault(picked[index].group, []).append(picked[index])
        # Members of a group are spread evenly over the round.
        placed = [
            ((place + rng.random()) / len(members), unit)
            for members in groups.values()
            for place, unit in enumerate(members)
        ]
        placed.sort(key=lambda it: it[0])
        return [_Dealt(unit, turn) for _, unit in placed]

    def _trial(self, dealt: _Dealt, number: int) -> Trial:
        """The presentation of a unit to a listener, at place 0."""
        unit, task = dealt.unit, self.study.task
        if task == "pair":
            flipped = self._bit("order", unit) ^ (dealt.turn & 1)
            return Trial(0, "main", unit.clips[::-1] if flipped else unit.clips)
        if task == "spot":
            arrangement = (self._draw("arrangement", unit, ARRANGEMENTS) + dealt.turn) % ARRANGEMENTS
            odd, place = arrangement % 2, arrangement // 2
            clips = [unit.clips[1 - odd]] * 3
            clips[place] = unit.clips[odd]
            return Trial(0, "main", tuple(clips))
        if task == "mushra":
            rng = np.random.default_rng(child_seed(self.study.seed, "stimuli", number, unit.condition))
            order = rng.permutation(len(unit.clips))
            by_id = self.study.by_id
            reference = next(clip for clip in unit.clips if by_id[clip].system == REFERENCE)
            return Trial(0, "main", tuple(unit.clips[index] for index in order), reference)
        return Trial(0, "main", unit.clips)

    def _insert_repeats(
        self, session: list[Trial], ordered: list[_Dealt], number: int, rng: np.random.Generator
    ) -> None:
        """Put trials of the first half into the last quarter, once more; of pairs and triangles in another order."""
        again = rng.permutation(max(len(ordered) // 2, 1))[: self.study.repeats]
        for index in again:
            trial = self._trial(replace(ordered[index], turn=ordered[index].turn + 1), number)
            place = int(rng.integers(3 * len(session) // 4, len(session) + 1))
            session.insert(place, replace(trial, purpose="repeat"))

    def _insert_checks(
        self, session: list[Trial], ordered: list[_Dealt], number: int, rng: np.random.Generator
    ) -> None:
        """Spread the attention checks; each plays a trial of the listener's own."""
        checks = self.study.attention_checks
        for check in range(checks):
            trial = self._trial(ordered[int(rng.integers(len(ordered)))], number)
            place = round((check + 0.25 + 0.5 * rng.random()) / checks * len(session))
            session.insert(place, replace(trial, purpose="attention", expected=self._expected(rng)))

    def _expected(self, rng: np.random.Generator) -> dict[str, float]:
        """What an attention check asks for: one end of every scale, or one of the sounds."""
        if self.study.task == "rate":
            high = bool(rng.integers(2))
            return {scale.name: scale.high if high else scale.low for scale in self.study.scales}
        return {"choice": float(rng.integers(2 if self.study.task == "pair" else 3))}

    def _bit(self, purpose: str, unit: _Unit) -> int:
        return self._draw(purpose, unit, 2)

    def _draw(self, purpose: str, unit: _Unit, count: int) -> int:
        return child_seed(self.study.seed, purpose, *unit.clips) % count


def practice_trials(study: Study) -> tuple[Trial, ...]:
    """The trials of the practice page, whose answers are not kept; none where the study has no practice clips."""
    grouped: dict[str, list[str]] = {}
    for clip in study.practice:
        grouped.setdefault(clip.condition, []).append(clip.id)
    trials: list[Trial] = []
    for clips in grouped.values():
        if study.task == "rate":
            trials += [Trial(0, "practice", (clip,)) for clip in clips]
        elif study.task == "mushra":
            reference = [clip for clip in clips if study.by_id[clip].system == REFERENCE]
            trials += [Trial(0, "practice", tuple(clips), clip) for clip in reference]
        elif len(clips) > 1:
            first, second = clips[:2]
            trials.append(Trial(0, "practice", (first, second) if study.task == "pair" else (first, second, first)))
    return tuple(replace(trial, number=place) for place, trial in enumerate(trials))


def _units(study: Study) -> dict[str, list[_Unit]]:
    """Units by condition; every condition has as many."""
    units: dict[str, list[_Unit]] = {}
    for name, versions in study.conditions.items():
        ids = tuple(clip.id for clip in versions)
        if study.task == "rate":
            units[name] = [_Unit(name, (clip.id,), clip.system) for clip in versions]
        elif study.task == "mushra":
            units[name] = [_Unit(name, ids, "")]
        else:
            ordered = sorted(versions, key=lambda clip: clip.system)
            units[name] = [_Unit(name, (a.id, b.id), f"{a.system} {b.system}") for a, b in combinations(ordered, 2)]
    return units
