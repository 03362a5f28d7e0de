"""Which arms a study runs: those requested by name, those of its contrasts, and the references they need."""

from __future__ import annotations

from collections.abc import Sequence

from affetti.augment import waveform
from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.studies.augmentation.arms import (
    AGAIN,
    ALIGNED,
    AUDIO_COPIES,
    BEST,
    COMPOSED,
    COMPOSER,
    NULL,
    PLAIN_REFERENCE,
    RATIOS,
    Arm,
    parse_arm,
)
from affetti.studies.augmentation.comparison import REFERENCE
from affetti.studies.augmentation.synthetic_sets import sampling_refusal
from affetti.training import run as runs
from affetti.training.conditions import ALL_FIELDS, fields_of
from affetti.training.field_variants import field_variants, parse_variant
from affetti.training.registry import GENERATORS, family
from affetti.training.signal_augmentation import RECIPE, SIGNALS
from affetti.training.text_embedders import HASHED, text_embedder


def choose_arms(
    requested: tuple[str, ...],
    kinds: tuple[str, ...],
    ratio: float,
    *,
    has_audio: bool = False,
    composed: bool = False,
    extra: tuple[str, ...] = (),
    recipe: tuple[str, ...] = RECIPE,
    clips: tuple[str, ...] = (),
    given: bool = False,
) -> list[Arm]:
    """The arms to run, ``real`` first, and ``plain-real-longer`` among them where one of the others is plain.

    Args:
        requested: names; none for the default of :func:`default_arms`, ``all`` for the whole list.
        kinds: the generators available, by kind and fields.
        ratio: the study's own.
        has_audio: whether the corpus kept its audio.
        composed: whether it is a composed corpus.
        extra: arms that other settings add.
        recipe: augmentations of all arms but the plain ones.
        clips: names of the sets of clips that the user has given.
        given: whether the generators are runs that the user has given; else any fields can be chosen.

    Raises:
        UsageError: an arm is unknown, or needs a model, audio or a composer that is not there.
        MissingDependencyError: an arm requested by name needs audiomentations. Of ``all``, such arms are left out.
    """
    every = all_arms(kinds, has_audio=has_audio and waveform.is_available(), composed=composed, recipe=recipe)
    default = [*default_arms(kinds, recipe), *clips]
    names = [*(default if not requested else every if "all" in requested else requested), *extra]
    names += [name for name in requested if name != "all"]
    parsed = [parse_arm(name, ratio, recipe, clips) for name in dict.fromkeys([REFERENCE, *names])]
    if any(arm.plain for arm in parsed):
        parsed.append(parse_arm(PLAIN_REFERENCE, ratio))
    chosen = {arm.name: arm for arm in parsed}
    for arm in chosen.values():
        _require_available(arm, kinds, has_audio, composed, given)
    rank = {name: place for place, name in enumerate(every)}
    ordered = sorted(chosen, key=lambda name: (chosen[name].plain, name == BEST, rank.get(name, len(rank))))
    return [chosen[name] for name in ordered]


def default_arms(kinds: tuple[str, ...], recipe: tuple[str, ...] = RECIPE) -> list[str]:
    """The default: eight arms where there are two generators."""
    names = [REFERENCE, NULL, "c-mixup", "time-stretch", *kinds]
    last = ([kind for kind in kinds if kind == kind_of(kind)] or kinds)[-1:]
    names += [f"{kind}-{ending}" for kind in last for ending in ("pretrained", "shuffled")]
    return [name for name in names if name not in recipe]


def all_arms(kinds: tuple[str, ...], *, has_audio: bool, composed: bool, recipe: tuple[str, ...] = RECIPE) -> list[str]:
    """All arms, in the order of tables; what ``--budget`` drops, it drops from the end."""
    names = default_arms(kinds, recipe)
    endings = ("-only", "-filtered", "-pretrained", "-pretrained-equal", "-shuffled", "-hard", "-gaps")
    names += [f"{kind}{ending}" for ending in endings for kind in kinds]
    names += [f"{kind}-{ALIGNED}" for kind in kinds if family(kind_of(kind)).learns_preference]
    names += [COMPOSER] if composed else [f"{COMPOSED}-pretrained", f"{COMPOSED}-pretrained-shuffled", COMPOSED]
    names += [
        *(name for name in SIGNALS if name not in recipe),
        *(f"{kind}@{ratio:g}" for ratio in RATIOS for kind in kinds),
        *(AUDIO_COPIES if has_audio else ()),
        AGAIN,
        BEST,
    ]
    return list(dict.fromkeys(names))


def kind_of(variant: str) -> str:
    """The kind of a generator whose name says its fields too.

    Example:
        >>> kind_of("flow_without_genre")
        'flow'
    """
    return variant.partition("_with")[0]


def _require_available(arm: Arm, kinds: tuple[str, ...], has_audio: bool, composed: bool, given: bool) -> None:
    kind = None if arm.synthetic is None else arm.synthetic.kind
    needed = kind if arm.synthetic is None or not given else arm.synthetic.variant
    if kind in GENERATORS and needed not in kinds:
        missing = f"there is no {needed} among the models"
        if family(kind).sound and not has_audio:
            missing = "the corpus kept no audio"
        raise UsageError(f"arm {arm.name!r}: {missing}", where="--arms", hint=f"give one; here: {', '.join(kinds)}")
    if kind == COMPOSER and not composed:
        raise UsageError(
            f"arm {arm.name!r}: this is not a composed corpus",
            where="--arms",
            hint=f"use {COMPOSED}, or a corpus of affetti prepare composed",
        )
    if kind in AUDIO_COPIES and not has_audio:
        raise UsageError(
            f"arm {arm.name!r}: the corpus kept no audio", where="--arms", hint="prepare it with --keep-audio"
        )
    if kind in AUDIO_COPIES:
        waveform.require_installed()


def variant_refusal(
    variant: str, sampling: dict[str, float], corpus: Corpus, given: Sequence[runs.TrainedModel]
) -> str | None:
    """Why the generator of an arm would refuse the parameters ``sampling``; None if it would not."""
    own = [trained for name, trained in zip(field_variants(given), given, strict=True) if name == variant]
    kind = kind_of(variant)
    return sampling_refusal(kind, sampling, corpus, own, parse_variant(variant.removeprefix(kind)))


def generators_that_take(
    name: str, value: float, variants: Sequence[str], corpus: Corpus, given: Sequence[runs.TrainedModel]
) -> list[str]:
    """The generators that have a sampling parameter.

    Raises:
        UsageError: none has it.
    """
    refusals = {variant: variant_refusal(variant, {name: value}, corpus, given) for variant in variants}
    taking = [variant for variant, refusal in refusals.items() if refusal is None]
    if not taking:
        reasons = "; ".join(f"{variant}: {refusal}" for variant, refusal in refusals.items())
        raise UsageError(f"no generator takes {name}={value:g}", where="--sampling", hint=reasons)
    return taking


def require_fields(arms: Sequence[Arm], corpus: Corpus, folds: Sequence[int]) -> None:
    """Refuse arms whose generators, trained here, would be conditioned on fields that the training clips do not teach.

    Raises:
        UsageError: says which.
    """
    chosen = [arm for arm in arms if arm.synthetic is not None and arm.synthetic.fields != ALL_FIELDS]
    for number in folds if chosen else ():
        taught = fields_of(corpus.clips.iloc[corpus.fold(number).train], text_embedder(HASHED))
        for arm in chosen:
            if arm.synthetic is None:
                continue
            try:
                kept = arm.synthetic.fields.apply(taught)
            except UsageError as error:
                raise UsageError(f"arm {arm.name!r}: {error.what}", where="--arms", hint=error.hint) from error
            if kept == taught:
                hint = f"use {arm.synthetic.kind}"
                raise UsageError(f"arm {arm.name!r}: has all fields of the corpus", where="--arms", hint=hint)
