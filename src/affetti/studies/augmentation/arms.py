"""The arms of the study by name: what a regressor is trained on.

An arm is signal augmentation, a synthetic set of clips, or both: ``specaugment``, ``flow``, ``specaugment+flow``.
A set is named ``KIND[:SETTING=VALUE,…][@RATIO][-filtered][-only|-pretrained|-shuffled]``: ``flow@2.3`` adds 2.3 clips
for each real one, ``flow-filtered`` keeps those whose predicted emotion is near the requested one, ``flow-only`` leaves
the real clips out, ``flow-pretrained`` trains on synthetic clips first and on real ones then, ``flow-shuffled`` gives
synthetic clips each other's labels (it must not help). ``flow:guidance=2`` sets a sampling parameter,
``flow:trained=400`` trains the generator for 400 updates. ``composer`` adds new songs by the composer of a composed
corpus, what a perfect generator would give: an arm that must help where any can. ``audio-stretch`` and ``audio-shift``
are changed copies of the sound. ``best`` is the signal arm and the generator that did best on validation songs,
together.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from affetti.augment import waveform
from affetti.errors import UsageError
from affetti.studies.augmentation.comparison import BASE, REFERENCE
from affetti.training.registry import GENERATORS, family
from affetti.training.signal_augmentation import SIGNALS

Use = Literal["added", "only", "pretrained", "shuffled"]
AUDIO_COPIES = ("audio-stretch", "audio-shift")
"""Sets that are changed copies of the training clips' own sound."""
COMPOSER = "composer"
BEST = "best"
SET_KINDS = (*GENERATORS, COMPOSER, *AUDIO_COPIES)
RATIOS = (0.25, 0.5, 2.0, 2.3, 4.0)
"""Synthetic clips for each real one, beside the study's own; 2.3 is the published study's."""
TRAINED = "trained"
"""The setting of a set that is not a sampling parameter: updates of the generator."""
_SET = re.compile(
    rf"({'|'.join(SET_KINDS)})(?::([\w.=,-]+?))?(?:@([\d.]+))?((?:-(?:filtered|{'|'.join(get_args(Use))}))*)"
)


@dataclass(frozen=True)
class SyntheticSetSpec:
    """A synthetic set of clips, as the name of an arm describes it."""

    kind: str
    ratio: float
    """Clips for each real training clip, > 0."""
    sampling: tuple[tuple[str, float], ...] = ()
    """Sampling parameters of the generator, sorted by name."""
    training_steps: int | None = None
    """Updates of the generator; None: the preset's."""
    filtered: bool = False
    """Whether clips whose predicted emotion is far from the requested one are dropped."""

    @property
    def generator(self) -> str:
        """The name of the generator that makes it: sets of one generator share its training."""
        return self.kind if self.training_steps is None else f"{self.kind}:{TRAINED}={self.training_steps}"

    def name_for(self, ratio: float) -> str:
        """Its name in a study whose own ratio is ``ratio``: that of the plainest arm that uses it.

        Example:
            >>> SyntheticSetSpec("flow", 2.3, (("guidance", 2.0),)).name_for(1.0)
            'flow:guidance=2@2.3'
        """
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
        UsageError: there is no such arm, or a number in it is out of range.

    Example:
        >>> parse_arm("specaugment+flow@2.3-only", 1.0).synthetic
        SyntheticSetSpec(kind='flow', ratio=2.3, sampling=(), training_steps=None, filtered=False)
    """
    if name in (BASE, REFERENCE, BEST):
        return Arm(name)
    signals: list[str] = []
    synthetic: SyntheticSetSpec | None = None
    use: Use = "added"
    for part in name.split("+"):
        match = _SET.fullmatch(part)
        if part in SIGNALS:
            signals.append(part)
        elif match and synthetic is None:
            synthetic, use = _set(match, ratio, name)
        else:
            raise unknown_arm(name)
    return Arm(name, tuple(signals), synthetic, use)


def _set(match: re.Match[str], ratio: float, name: str) -> tuple[SyntheticSetSpec, Use]:
    kind, settings, set_ratio, options = match.groups()
    chosen = [option for option in options.split("-") if option]
    uses: list[Use] = [use for use in get_args(Use) if use in chosen]
    if len(uses) > 1 or len(chosen) != len(set(chosen)):
        raise unknown_arm(name)
    sampling: dict[str, float] = {}
    try:
        for setting in settings.split(",") if settings else ():
            key, value = setting.split("=")
            sampling[key] = float(value)
        spec = SyntheticSetSpec(kind, ratio if set_ratio is None else float(set_ratio), filtered="filtered" in chosen)
        trained = int(sampling.pop(TRAINED)) if TRAINED in sampling else None
    except ValueError as error:
        raise unknown_arm(name) from error
    if not spec.ratio > 0 or (trained is not None and trained < 1):
        raise UsageError(f"arm {name!r}: give more than 0", where="--arms", hint="such as flow@2.3")
    if kind not in GENERATORS and (settings or spec.filtered):
        raise UsageError(
            f"arm {name!r}: {kind} has no sampling parameters and no filter", where="--arms", hint=f"use {kind}"
        )
    return replace(spec, sampling=tuple(sorted(sampling.items())), training_steps=trained), uses[0] if uses else "added"


def unknown_arm(name: str) -> UsageError:
    """The error for an arm that does not exist, with those that do."""
    near = difflib.get_close_matches(name, [BASE, REFERENCE, BEST, *SIGNALS, *SET_KINDS], n=1)
    known = ", ".join((BASE, REFERENCE, *SIGNALS, *SET_KINDS, BEST))
    hint = f"did you mean {near[0]}? " if near else ""
    forms = "sets take :SETTING=VALUE, @RATIO and -filtered, -only, -pretrained or -shuffled"
    return UsageError(f"unknown arm {name!r}", where="--arms", hint=f"{hint}choose from {known}; {forms}")


def choose_arms(
    requested: tuple[str, ...],
    kinds: tuple[str, ...],
    ratio: float,
    *,
    has_audio: bool = False,
    composed: bool = False,
    extra: tuple[str, ...] = (),
) -> list[Arm]:
    """The arms to run, ``real`` and ``real-longer`` first.

    Args:
        requested: names; none for the default of :func:`default_arms`, ``all`` for the whole list.
        kinds: the generators available.
        ratio: the study's own.
        has_audio: whether the corpus kept its audio.
        composed: whether it is a composed corpus.
        extra: arms that other settings add.

    Raises:
        UsageError: an arm is unknown, or needs a model, audio or a composer that is not there.
        MissingDependencyError: an arm requested by name needs audiomentations. Of ``all``, such arms are left out.
    """
    every = all_arms(kinds, has_audio=has_audio and waveform.is_available(), composed=composed)
    names = [*(default_arms(kinds) if not requested else every if "all" in requested else requested), *extra]
    names += [name for name in requested if name != "all"]
    chosen = {name: parse_arm(name, ratio) for name in dict.fromkeys([BASE, REFERENCE, *names])}
    for arm in chosen.values():
        _require_available(arm, kinds, has_audio, composed)
    rank = {name: place for place, name in enumerate(every)}
    ordered = sorted(chosen, key=lambda name: (name == BEST, rank.get(name, len(rank))))
    return [chosen[name] for name in ordered]


def default_arms(kinds: tuple[str, ...]) -> list[str]:
    """The default: eight arms where there are two generators."""
    return [BASE, REFERENCE, "specaugment", "c-mixup", "time-stretch", *kinds, *(f"{k}-shuffled" for k in kinds[-1:])]


def all_arms(kinds: tuple[str, ...], *, has_audio: bool, composed: bool) -> list[str]:
    """All arms, in the order of tables; what ``--budget`` drops, it drops from the end."""
    names = default_arms(kinds)
    names += [f"{kind}{end}" for end in ("-only", "-filtered", "-pretrained", "-shuffled") for kind in kinds]
    names += [COMPOSER] if composed else []
    names += [
        *SIGNALS,
        *(f"{kind}@{ratio:g}" for ratio in RATIOS for kind in kinds),
        *(AUDIO_COPIES if has_audio else ()),
        BEST,
    ]
    return list(dict.fromkeys(names))


def _require_available(arm: Arm, kinds: tuple[str, ...], has_audio: bool, composed: bool) -> None:
    kind = None if arm.synthetic is None else arm.synthetic.kind
    if kind in GENERATORS and kind not in kinds:
        missing = f"there is no {kind} among the models"
        if family(kind).sound and not has_audio:
            missing = "the corpus kept no audio"
        raise UsageError(f"arm {arm.name!r}: {missing}", where="--arms", hint=f"give one; here: {', '.join(kinds)}")
    if kind == COMPOSER and not composed:
        raise UsageError(
            f"arm {arm.name!r}: this is not a composed corpus", where="--arms", hint="use affetti prepare composed"
        )
    if kind in AUDIO_COPIES and not has_audio:
        raise UsageError(
            f"arm {arm.name!r}: the corpus kept no audio", where="--arms", hint="prepare it with --keep-audio"
        )
    if kind in AUDIO_COPIES:
        waveform.require_installed()
