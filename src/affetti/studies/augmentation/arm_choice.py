"""Which arms a study runs: those requested by name, those of its contrasts, and the references they need."""

from __future__ import annotations

from affetti.augment import waveform
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
from affetti.training.registry import GENERATORS, family
from affetti.training.signal_augmentation import RECIPE, SIGNALS


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
) -> list[Arm]:
    """The arms to run, ``real`` first, and ``plain-real-longer`` among them where one of the others is plain.

    Args:
        requested: names; none for the default of :func:`default_arms`, ``all`` for the whole list.
        kinds: the generators available.
        ratio: the study's own.
        has_audio: whether the corpus kept its audio.
        composed: whether it is a composed corpus.
        extra: arms that other settings add.
        recipe: augmentations of all arms but the plain ones.
        clips: names of the sets of clips that the user has given.

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
        _require_available(arm, kinds, has_audio, composed)
    rank = {name: place for place, name in enumerate(every)}
    ordered = sorted(chosen, key=lambda name: (chosen[name].plain, name == BEST, rank.get(name, len(rank))))
    return [chosen[name] for name in ordered]


def default_arms(kinds: tuple[str, ...], recipe: tuple[str, ...] = RECIPE) -> list[str]:
    """The default: eight arms where there are two generators."""
    names = [REFERENCE, NULL, "c-mixup", "time-stretch", *kinds]
    names += [f"{kind}-{ending}" for kind in kinds[-1:] for ending in ("pretrained", "shuffled")]
    return [name for name in names if name not in recipe]


def all_arms(kinds: tuple[str, ...], *, has_audio: bool, composed: bool, recipe: tuple[str, ...] = RECIPE) -> list[str]:
    """All arms, in the order of tables; what ``--budget`` drops, it drops from the end."""
    names = default_arms(kinds, recipe)
    endings = ("-only", "-filtered", "-pretrained", "-pretrained-equal", "-shuffled", "-hard", "-gaps")
    names += [f"{kind}{ending}" for ending in endings for kind in kinds]
    names += [f"{kind}-{ALIGNED}" for kind in kinds if family(kind).learns_preference]
    names += [COMPOSER] if composed else [f"{COMPOSED}-pretrained", f"{COMPOSED}-pretrained-shuffled", COMPOSED]
    names += [
        *(name for name in SIGNALS if name not in recipe),
        *(f"{kind}@{ratio:g}" for ratio in RATIOS for kind in kinds),
        *(AUDIO_COPIES if has_audio else ()),
        AGAIN,
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
