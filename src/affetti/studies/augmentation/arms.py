"""The arms of the study by name: what a regressor is trained on.

An arm is signal augmentation, a set of clips that were made, or both: ``specaugment``, ``flow``, ``specaugment+flow``.
A set is named ``KIND[:SETTING=VALUE,…][@RATIO][-filtered][-only|-pretrained|-shuffled]``: ``flow@2.3`` adds 2.3 clips
for each real one, ``flow-filtered`` keeps those that read as asked, ``flow-only`` leaves the real clips out,
``flow-pretrained`` trains on synthetic clips first and on real ones then, ``flow-shuffled`` gives synthetic clips each
other's labels (it must not help). ``flow:guidance=2`` turns a dial, ``flow:trained=400`` trains the generator for 400
updates. ``composer`` stands for fresh songs by the composer of a composed corpus, a generator that is the truth:
an arm that must help where anything can. ``audio-stretch`` and ``audio-shift`` are changed copies of the sound.
``best`` is the signal arm and the generator that did best on validation songs, together.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from affetti.augment import waveform
from affetti.errors import UsageError
from affetti.studies.augmentation.comparison import BASE, REFERENCE
from affetti.studies.augmentation.signal_augmentation import SIGNALS
from affetti.training.registry import GENERATORS

Use = Literal["added", "only", "pretrained", "shuffled"]
AUDIO_COPIES = ("audio-stretch", "audio-shift")
"""Sets that are changed copies of the training clips' own sound."""
COMPOSER = "composer"
BEST = "best"
SET_KINDS = (*GENERATORS, COMPOSER, *AUDIO_COPIES)
RATIOS = (0.25, 0.5, 2.0, 2.3, 4.0)
"""Synthetic clips for each real one, beside the study's own; 2.3 is the published study's."""
TRAINED = "trained"
"""The setting of a set that is no dial: updates of the generator."""
_SET = re.compile(
    rf"({'|'.join(SET_KINDS)})(?::([\w.=,-]+?))?(?:@([\d.]+))?((?:-(?:filtered|{'|'.join(get_args(Use))}))*)"
)


@dataclass(frozen=True)
class SyntheticSetSpec:
    """A set of clips that were made."""

    kind: str
    ratio: float
    """Clips for each real training clip, > 0."""
    sampling: tuple[tuple[str, float], ...] = ()
    training_steps: int | None = None
    """Updates of the generator; None: the preset's."""
    filtered: bool = False

    @property
    def generator(self) -> str:
        """Names the generator that makes it."""
        return self.kind if self.training_steps is None else f"{self.kind}:{TRAINED}={self.training_steps}"

    def name_for(self, ratio: float) -> str:
        """Its name in a study whose own ratio is ``ratio``: that of the plainest arm that uses it."""
        settings = [f"{name}={value:g}" for name, value in self.sampling]
        settings += [] if self.training_steps is None else [f"{TRAINED}={self.training_steps}"]
        named = self.kind + (f":{','.join(settings)}" if settings else "")
        return named + (f"@{self.ratio:g}" if self.ratio != ratio else "") + ("-filtered" if self.filtered else "")


@dataclass(frozen=True)
class Arm:
    """What a regressor is trained on."""

    name: str
    signals: tuple[str, ...] = ()
    synthetic: SyntheticSetSpec | None = None
    use: Use = "added"

    @property
    def longer(self) -> bool:
        """Whether it has twice the updates of ``real``."""
        return self.name != BASE

    @property
    def closed_form(self) -> bool:
        """Whether ridge regression, fitted in closed form, can have this arm: its clips differ, not their batches."""
        return not self.signals and self.use != "pretrained" and self.name != REFERENCE


def parse_arm(name: str, ratio: float) -> Arm:
    """The arm called ``name``, in a study whose own ratio is ``ratio``.

    Raises:
        UsageError: there is no such arm, or a number in it makes no sense.
    """
    if name in (BASE, REFERENCE, BEST):
        return Arm(name)
    signals: list[str] = []
    synthetic: SyntheticSetSpec | None = None
    use: Use = "added"
    for part in name.split("+"):
        found = _SET.fullmatch(part)
        if part in SIGNALS:
            signals.append(part)
        elif found and synthetic is None:
            synthetic, use = _set(found, ratio, name)
        else:
            raise unknown_arm(name)
    return Arm(name, tuple(signals), synthetic, use)


def _set(found: re.Match[str], ratio: float, name: str) -> tuple[SyntheticSetSpec, Use]:
    kind, settings, share, options = found.groups()
    chosen = [option for option in options.split("-") if option]
    uses: list[Use] = [use for use in get_args(Use) if use in chosen]
    if len(uses) > 1 or len(chosen) != len(set(chosen)):
        raise unknown_arm(name)
    dials: dict[str, float] = {}
    try:
        for setting in settings.split(",") if settings else ():
            key, value = setting.split("=")
            dials[key] = float(value)
        made = SyntheticSetSpec(kind, ratio if share is None else float(share), filtered="filtered" in chosen)
        trained = int(dials.pop(TRAINED)) if TRAINED in dials else None
    except ValueError as error:
        raise unknown_arm(name) from error
    if not made.ratio > 0 or (trained is not None and trained < 1):
        raise UsageError(f"arm {name!r}: give more than 0", where="--arms", hint="such as flow@2.3")
    if kind not in GENERATORS and (settings or made.filtered):
        raise UsageError(f"arm {name!r}: {kind} has no dials and no filter", where="--arms", hint=f"use {kind}")
    return replace(made, sampling=tuple(sorted(dials.items())), training_steps=trained), uses[0] if uses else "added"


def unknown_arm(name: str) -> UsageError:
    """The error that says there is no such arm, and which there are."""
    near = difflib.get_close_matches(name, [BASE, REFERENCE, BEST, *SIGNALS, *SET_KINDS], n=1)
    known = ", ".join((BASE, REFERENCE, *SIGNALS, *SET_KINDS, BEST))
    hint = f"did you mean {near[0]}? " if near else ""
    forms = "sets take :DIAL=VALUE, @RATIO and -filtered, -only, -pretrained or -shuffled"
    return UsageError(f"unknown arm {name!r}", where="--arms", hint=f"{hint}choose from {known}; {forms}")


def choose_arms(
    asked: tuple[str, ...],
    kinds: tuple[str, ...],
    ratio: float,
    *,
    sound: bool = False,
    composed: bool = False,
    extra: tuple[str, ...] = (),
) -> list[Arm]:
    """The arms to run, ``real`` and ``real-longer`` first.

    Args:
        asked: names; none for the default of :func:`default_arms`, ``all`` for the whole list.
        kinds: the generators at hand.
        ratio: the study's own.
        sound: whether the corpus kept its sound.
        composed: whether its composer is known.
        extra: arms that other settings ask for.

    Raises:
        UsageError: an arm is unknown, or needs what is not at hand.
        MissingDependencyError: an arm asked for by name needs audiomentations. Of ``all``, such arms are left out.
    """
    every = all_arms(kinds, sound=sound and waveform.is_available(), composed=composed)
    names = [*(default_arms(kinds) if not asked else every if "all" in asked else asked), *extra]
    names += [name for name in asked if name != "all"]
    chosen = {name: parse_arm(name, ratio) for name in dict.fromkeys([BASE, REFERENCE, *names])}
    for arm in chosen.values():
        _require_at_hand(arm, kinds, sound, composed)
    rank = {name: place for place, name in enumerate(every)}
    ordered = sorted(chosen, key=lambda name: (name == BEST, rank.get(name, len(rank))))
    return [chosen[name] for name in ordered]


def default_arms(kinds: tuple[str, ...]) -> list[str]:
    """The default: eight arms where there are two generators."""
    return [BASE, REFERENCE, "specaugment", "c-mixup", "time-stretch", *kinds, *(f"{k}-shuffled" for k in kinds[-1:])]


def all_arms(kinds: tuple[str, ...], *, sound: bool, composed: bool) -> list[str]:
    """All arms, in the order of tables; what ``--budget`` drops, it drops from the end."""
    names = default_arms(kinds)
    names += [f"{kind}{end}" for end in ("-only", "-filtered", "-pretrained", "-shuffled") for kind in kinds]
    names += [COMPOSER] if composed else []
    names += [
        *SIGNALS,
        *(f"{kind}@{ratio:g}" for ratio in RATIOS for kind in kinds),
        *(AUDIO_COPIES if sound else ()),
        BEST,
    ]
    return list(dict.fromkeys(names))


def _require_at_hand(arm: Arm, kinds: tuple[str, ...], sound: bool, composed: bool) -> None:
    kind = None if arm.synthetic is None else arm.synthetic.kind
    if kind in GENERATORS and kind not in kinds:
        at_hand = f"there is no {kind} among the models" if kind not in ("waveform",) or sound else "no sound was kept"
        raise UsageError(f"arm {arm.name!r}: {at_hand}", where="--arms", hint=f"give one; here: {', '.join(kinds)}")
    if kind == COMPOSER and not composed:
        raise UsageError(
            f"arm {arm.name!r}: nobody composed this corpus", where="--arms", hint="use affetti prepare composed"
        )
    if kind in AUDIO_COPIES and not sound:
        raise UsageError(
            f"arm {arm.name!r}: the corpus kept no sound", where="--arms", hint="prepare it with --keep-audio"
        )
    if kind in AUDIO_COPIES:
        waveform.require_installed()
