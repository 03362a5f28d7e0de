"""The arms of the study by name: what a regressor is trained on.

``real`` is the recipe of regressors on the real training clips: signal augmentation and early stopping, see
:mod:`affetti.training.signal_augmentation`. Every other arm is something on top of it: more signal augmentation, a
synthetic set of clips, or both, as in ``time-stretch+flow``. An augmentation that the recipe has already adds nothing:
``specaugment+flow`` is ``flow``.

A set is named ``KIND[:SETTING=VALUE,…][@RATIO]`` with endings: ``flow@2.3`` adds 2.3 clips for each real one;
``-filtered`` keeps clips whose predicted emotion is near the requested one; ``-hard`` requests the emotions at which a
regressor errs most, ``-gaps`` those that are rare. ``-only`` leaves the real clips out. ``-pretrained`` trains on the
synthetic clips first and then on real ones as ``real`` does; ``-pretrained-equal`` shares its updates between both.
``-shuffled`` gives synthetic clips each other's labels: it must not help. ``flow:guidance=2`` sets a sampling
parameter, ``flow:trained=400`` trains the generator for 400 updates, ``flow:pretraining=600-pretrained`` pretrains for
600. ``-aligned`` fine-tunes the generator to prefer real clips to its own (:mod:`affetti.training.alignment`), for half
of its updates; ``flow:beta=1000-aligned`` with that β.
``flow_without_genre`` is the generator without that field of its condition, ``flow_with_genre`` one conditioned on
emotion and genre alone, see :mod:`affetti.training.field_variants`; both take settings and endings.
``composed`` adds songs by affetti's composer (``keys``, ``style`` and ``instruments`` are its settings), whatever
the corpus; ``composer`` adds new songs by the composer of a composed corpus, what a perfect generator would give.
``audio-stretch`` and ``audio-shift`` are changed copies of the sound. A set of clips that somebody else's generator
made goes by the name that it is given with.

Two arms carry nothing new, and a sound study calls neither a difference: ``null`` adds copies of the real clips,
``real-again`` is ``real`` with other seeds. ``best`` is the signal arm and the generator that did best on validation
songs, together. ``plain-NAME`` is the arm without the recipe: no augmentation but that in its name, no early stopping;
``plain-real`` has half the updates of the other plain arms, which are compared with ``plain-real-longer``.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from affetti.corpus.loaders.composed import INSTRUMENTATIONS, STYLE_NAMES
from affetti.errors import UsageError
from affetti.studies.augmentation.comparison import REFERENCE
from affetti.training.conditions import ALL_FIELDS, FieldChoice
from affetti.training.field_variants import VARIANT, parse_variant, variant_name
from affetti.training.registry import GENERATORS, family
from affetti.training.signal_augmentation import RECIPE, SIGNALS

Use = Literal["added", "only", "pretrained"]
AUDIO_COPIES = ("audio-stretch", "audio-shift")
"""Sets that are changed copies of the training clips' own sound."""
COMPOSER, COMPOSED = "composer", "composed"
NULL = "null"
AGAIN = "real-again"
BEST = "best"
PLAIN = "plain-"
PLAIN_BASE, PLAIN_REFERENCE = "plain-real", "plain-real-longer"
SET_KINDS = (*GENERATORS, COMPOSED, COMPOSER, NULL, *AUDIO_COPIES)
RATIOS = (0.25, 0.5, 2.0, 2.3, 4.0)
"""Synthetic clips for each real one, beside the study's own; 2.3 is the study's."""
TRAINED, PRETRAINING, BETA = "trained", "pretraining", "beta"
"""Settings that are no sampling parameters: updates of the generator, of the regressor on the set, and β."""
ALIGNED = "aligned"
MUSIC_SETTINGS: dict[str, tuple[str, ...]] = {
    "keys": tuple(str(keys) for keys in range(1, 13)),
    "style": STYLE_NAMES,
    "instruments": INSTRUMENTATIONS,
}
"""Settings of ``composed`` and their values."""
Emotions = Literal["matched", "hard", "gaps"]
ENDINGS = (ALIGNED, "filtered", "shuffled", "equal", "hard", "gaps", *get_args(Use))


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
    aligned: bool = False
    """Whether the generator is fine-tuned to prefer real clips to its own."""
    beta: float | None = None
    """β of that, > 0; None: validation songs choose it."""
    filtered: bool = False
    """Whether clips whose predicted emotion is far from the requested one are dropped."""
    emotions: Emotions = "matched"
    """What is requested of the generator: the emotions of the training clips, those at which a regressor errs most, or
    those that are rare among them."""
    music: tuple[tuple[str, str], ...] = ()
    """Settings of the composer, of ``composed``; sorted by name."""
    fields: FieldChoice = ALL_FIELDS
    """What the generator is conditioned on."""

    @property
    def variant(self) -> str:
        """The kind, and the fields where they are not all."""
        return variant_name(self.kind, self.fields)

    @property
    def generator(self) -> str:
        """The name of the generator that makes it: sets of one generator share its training."""
        settings = [] if self.beta is None else [f"{BETA}={self.beta:g}"]
        settings += [] if self.training_steps is None else [f"{TRAINED}={self.training_steps}"]
        named = self.variant + (f":{','.join(settings)}" if settings else "")
        return named + (f"-{ALIGNED}" if self.aligned else "")

    @property
    def base(self) -> SyntheticSetSpec:
        """A set of the generator that the one of this set is aligned from."""
        return replace(self, aligned=False, beta=None)

    @property
    def generators(self) -> tuple[SyntheticSetSpec, ...]:
        """Sets of the generators to be trained for it, in order: of an aligned one, of its base first."""
        if self.kind not in GENERATORS:
            return ()
        return (self.base, self) if self.aligned else (self,)

    @property
    def has_runs(self) -> bool:
        """Whether it is made by a method with chance of its own, of which a study needs several runs."""
        return self.kind in (*GENERATORS, COMPOSED, COMPOSER)

    def name_for(self, ratio: float) -> str:
        """Its name in a study whose own ratio is ``ratio``: that of the plainest arm that uses it.

        Example:
            >>> SyntheticSetSpec("flow", 2.3, (("guidance", 2.0),)).name_for(1.0)
            'flow:guidance=2@2.3'
        """
        settings = [f"{name}={value:g}" for name, value in self.sampling]
        settings += [f"{name}={value}" for name, value in self.music]
        settings += [] if self.beta is None else [f"{BETA}={self.beta:g}"]
        settings += [] if self.training_steps is None else [f"{TRAINED}={self.training_steps}"]
        named = self.variant + (f":{','.join(settings)}" if settings else "")
        named += f"@{self.ratio:g}" if self.ratio != ratio else ""
        endings = [ALIGNED] * self.aligned + ["filtered"] * self.filtered
        endings += [] if self.emotions == "matched" else [self.emotions]
        return "-".join([named, *endings])


@dataclass(frozen=True)
class Arm:
    """What a regressor is trained on."""

    name: str
    signals: tuple[str, ...] = ()
    """Augmentations besides those of the recipe; of a plain arm, all."""
    synthetic: SyntheticSetSpec | None = None
    use: Use = "added"
    shuffled: bool = False
    """Whether synthetic clips have each other's labels."""
    pretraining_steps: int | None = None
    """Updates on the synthetic clips of a pretrained arm; None: as many as on the real ones."""
    equal: bool = False
    """Whether a pretrained arm shares the updates of ``real`` between synthetic and real clips."""
    plain: bool = False
    """Whether it is trained without the recipe."""

    @property
    def longer(self) -> bool:
        """Whether it may take 2U updates, U the preset's number; ``plain-real`` takes U."""
        return self.name != PLAIN_BASE

    @property
    def closed_form(self) -> bool:
        """Whether ridge regression, fitted in closed form, can have this arm: its clips differ, not their batches."""
        kind = None if self.synthetic is None else self.synthetic.kind
        batches = self.signals or self.use == "pretrained" or self.plain or kind == NULL
        return not batches and self.name not in (AGAIN, BEST)

    @property
    def reference(self) -> str:
        """The arm that it is something on top of."""
        return PLAIN_REFERENCE if self.plain else REFERENCE


def nearest_fifth(updates: Sequence[int]) -> int:
    """Of the trainings that are shorter than the longest, the one whose ratio to it is nearest to a fifth.

    Example:
        >>> nearest_fifth([100, 400, 2000])
        400
    """
    longest = max(updates)
    return min((each for each in updates if each < longest), key=lambda each: abs(math.log(longest / 5 / each)))


def training_contrasts(arms: Sequence[Arm]) -> list[tuple[str, str]]:
    """For each generator that is trained for several numbers of updates: the longest, and a fifth of it.

    Example:
        >>> training_contrasts([parse_arm(f"gan:trained={updates}", 1.0) for updates in (100, 500)])
        [('gan:trained=500', 'gan:trained=100')]
    """
    named: dict[str, dict[int, str]] = {}
    for arm in arms:
        made = arm.synthetic
        if made is not None and made.training_steps is not None and arm.name == made.generator:
            named.setdefault(made.variant, {})[made.training_steps] = arm.name
    several = [each for each in named.values() if len(each) > 1]
    return [(each[max(each)], each[nearest_fifth([*each])]) for each in several]


def parse_arm(name: str, ratio: float, recipe: tuple[str, ...] = RECIPE, clips: tuple[str, ...] = ()) -> Arm:
    """The arm called ``name``, in a study whose own ratio is ``ratio``.

    Args:
        name: as the module describes it.
        ratio: synthetic clips for each real one, where the name does not say.
        recipe: augmentations that all arms but the plain ones have.
        clips: names of sets of clips that the user has given.

    Raises:
        UsageError: there is no such arm, or a number in it is out of range.

    Example:
        >>> parse_arm("time-stretch+flow@2.3-only", 1.0).synthetic.ratio
        2.3
        >>> parse_arm("specaugment+flow", 1.0).name  # the recipe has SpecAugment
        'flow'
    """
    if name in (REFERENCE, AGAIN, BEST):
        return Arm(name)
    if name in (PLAIN_BASE, PLAIN_REFERENCE):
        return Arm(name, plain=True)
    if name.startswith(PLAIN):
        arm = parse_arm(name.removeprefix(PLAIN), ratio, (), clips)
        if arm.name in (REFERENCE, AGAIN, BEST) or arm.plain:
            raise unknown_arm(name, clips)
        return replace(arm, name=PLAIN + arm.name, plain=True)
    signals: list[str] = []
    arm = Arm(name)
    parts: list[str] = []
    for part in name.split("+"):
        match = _set_pattern(clips).fullmatch(part)
        if part in SIGNALS:
            if part in recipe:
                continue
            signals.append(part)
        elif match and arm.synthetic is None:
            arm = _with_set(match, ratio, name, clips)
        else:
            raise unknown_arm(name, clips)
        parts.append(part)
    if not parts:
        return Arm(REFERENCE)
    return replace(arm, name="+".join(parts), signals=tuple(signals))


def _set_pattern(clips: tuple[str, ...]) -> re.Pattern[str]:
    kinds = "|".join(map(re.escape, (*SET_KINDS, *clips)))
    return re.compile(rf"({kinds})({VARIANT})?(?::([\w.=,-]+?))?(?:@([\d.]+))?((?:-(?:{'|'.join(ENDINGS)}))*)")


def _with_set(match: re.Match[str], ratio: float, name: str, clips: tuple[str, ...]) -> Arm:
    """The arm of a synthetic set, without signal augmentation."""
    kind, variant, settings, set_ratio, endings = match.groups()
    chosen = [ending for ending in endings.split("-") if ending]
    uses: list[Use] = [use for use in get_args(Use) if use in chosen]
    emotions: list[Emotions] = [each for each in get_args(Emotions) if each in chosen]
    use = uses[0] if uses else "added"
    if (
        max(len(uses), len(emotions)) > 1
        or len(chosen) != len(set(chosen))
        or ("equal" in chosen) > (use == "pretrained")
    ):
        raise unknown_arm(name, clips)
    fields = _fields(kind, variant or "", name)
    values: dict[str, str] = {}
    try:
        for setting in settings.split(",") if settings else ():
            key, value = setting.split("=")
            values[key] = value
        counts = {key: int(values.pop(key)) for key in (TRAINED, PRETRAINING) if key in values}
        spec = SyntheticSetSpec(
            kind,
            ratio if set_ratio is None else float(set_ratio),
            training_steps=counts.get(TRAINED),
            aligned=ALIGNED in chosen,
            beta=float(values.pop(BETA)) if BETA in values and ALIGNED in chosen else None,
            filtered="filtered" in chosen,
            emotions=emotions[0] if emotions else "matched",
            fields=fields,
        )
        sampling = () if kind == COMPOSED else tuple(sorted((key, float(value)) for key, value in values.items()))
    except ValueError as error:
        raise unknown_arm(name, clips) from error
    spec = replace(spec, sampling=sampling, music=_music(values, name) if kind == COMPOSED else ())
    beta_in_range = spec.beta is None or 0 < spec.beta < math.inf
    if not spec.ratio > 0 or any(count < 1 for count in counts.values()) or not beta_in_range:
        raise UsageError(f"arm {name!r}: give more than 0", where="--arms", hint="such as flow@2.3")
    if spec.aligned and not (kind in GENERATORS and family(kind).learns_preference):
        others = " or ".join(f"{name}-{ALIGNED}" for name in GENERATORS if family(name).learns_preference)
        raise UsageError(f"arm {name!r}: {kind} cannot be aligned", where="--arms", hint=f"use {others}")
    if BETA in values:
        hint = f"use {kind}:{BETA}={values[BETA]}-{ALIGNED}"
        raise UsageError(f"arm {name!r}: {BETA} is of aligned generators", where="--arms", hint=hint)
    of_generator = spec.sampling or spec.filtered or spec.emotions != "matched" or spec.training_steps
    if kind not in GENERATORS and of_generator:
        raise UsageError(
            f"arm {name!r}: {kind} has no sampling parameters and no filter", where="--arms", hint=f"use {kind}"
        )
    if PRETRAINING in counts and (use != "pretrained" or "equal" in chosen):
        hint = f"use {kind}:{PRETRAINING}={counts[PRETRAINING]}-pretrained"
        raise UsageError(f"arm {name!r}: {PRETRAINING} is of pretrained arms", where="--arms", hint=hint)
    if kind == NULL and use != "added":
        raise UsageError(f"arm {name!r}: copies of real clips can only be added", where="--arms", hint=f"use {NULL}")
    return Arm(name, (), spec, use, "shuffled" in chosen, counts.get(PRETRAINING), "equal" in chosen)


def _fields(kind: str, variant: str, name: str) -> FieldChoice:
    """What the generator of an arm is conditioned on.

    Raises:
        UsageError: it is no generator, emotion is left out, or the fields are not in the order of a condition.
    """
    if variant and kind not in GENERATORS:
        raise UsageError(f"arm {name!r}: {kind} has no condition", where="--arms", hint=f"use {kind}")
    try:
        choice = parse_variant(variant)
    except UsageError as error:
        raise UsageError(f"arm {name!r}: {error.what}", where="--arms", hint=f"use {kind}") from error
    if variant_name(kind, choice) != kind + variant:
        raise UsageError(
            f"arm {name!r}: another name of the same set", where="--arms", hint=f"use {variant_name(kind, choice)}"
        )
    return choice


def _music(values: dict[str, str], name: str) -> tuple[tuple[str, str], ...]:
    """Settings of the composer, sorted.

    Raises:
        UsageError: there is no such setting or value.
    """
    for key, value in values.items():
        known = MUSIC_SETTINGS.get(key)
        if known is None:
            hint = f"choose from {', '.join((*MUSIC_SETTINGS, PRETRAINING))}"
            raise UsageError(f"arm {name!r}: the composer has no setting {key!r}", where="--arms", hint=hint)
        if value not in known:
            hint = f"choose from {', '.join(known)}"
            raise UsageError(f"arm {name!r}: {key} cannot be {value!r}", where="--arms", hint=hint)
    return tuple(sorted(values.items()))


def unknown_arm(name: str, clips: tuple[str, ...] = ()) -> UsageError:
    """The error for an arm that does not exist, with those that do."""
    known = (REFERENCE, AGAIN, *SIGNALS, *SET_KINDS, *clips, BEST, PLAIN_BASE, PLAIN_REFERENCE)
    near = difflib.get_close_matches(name, known, n=1)
    if name == "real-longer":
        near = [PLAIN_REFERENCE]
    hint = f"did you mean {near[0]}? " if near else ""
    forms = (
        f"sets take :SETTING=VALUE, @RATIO and -aligned, -filtered, -hard, -gaps, -only, -pretrained, -equal or "
        f"-shuffled; generators _without_FIELD or _with_FIELD; {PLAIN}NAME is an arm without the recipe"
    )
    return UsageError(f"unknown arm {name!r}", where="--arms", hint=f"{hint}choose from {', '.join(known)}; {forms}")
