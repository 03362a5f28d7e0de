"""Checks of the generator runs that a user gives to a study, before any work is done.

Runs of one kind with the same fields are repeated runs of one generator; see :mod:`affetti.training.field_variants`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from affetti.corpus import Corpus
from affetti.errors import UsageError
from affetti.studies.augmentation.arms import ALIGNED
from affetti.training import run as runs
from affetti.training.field_variants import field_variants


def require_usable(models: list[runs.TrainedModel], corpus: Corpus) -> None:
    """Refuse models the study cannot use, before any work is done.

    Raises:
        UsageError: one is not a generator, or is given twice; there are not as many of each kind and fields for each
            fold, or these differ in other settings.
        MismatchError: another front-end, or it was trained on the test songs.
    """
    weights: set[str] = set()
    for trained in models:
        if trained.meta.weights_sha256 in weights:
            hint = "runs of one kind and fold must be trained by seeds of their own"
            raise UsageError("this model is given twice", where=trained.path, hint=hint)
        weights.add(trained.meta.weights_sha256)
        if trained.kind not in runs.GENERATORS:
            raise UsageError(f"a {trained.kind} does not generate", where=trained.path, hint="give runs of generators")
        if trained.meta.aligned_from is not None:
            hint = f"give the run that it was aligned from, and the arm {trained.kind}-{ALIGNED}: it aligns it"
            raise UsageError("is an aligned run", where=trained.path, hint=hint)
        corpus.require_front_end(trained.front_end, trained.path)
        trained.require_unseen(corpus.songs[corpus.fold(trained.meta.fold).test])
    names = field_variants(models)
    _require_same_settings(models, names)
    counts = Counter((name, trained.meta.fold) for name, trained in zip(names, models, strict=True))
    most = max(counts.values(), default=1)
    for kind in sorted({kind for kind, _ in counts}):
        for fold in sorted({fold for _, fold in counts}):
            if counts[kind, fold] != most:
                raise UsageError(
                    f"{counts[kind, fold]} {kind} models for fold {fold}, of another {most}",
                    where="--models",
                    hint="give as many runs of each kind and fields for each fold",
                )


def _require_same_settings(models: list[runs.TrainedModel], names: Sequence[str]) -> None:
    """Refuse runs of one kind and fields that are no repeated runs: an arm's name could be that of either."""
    first: dict[str, runs.TrainedModel] = {}
    for trained, name in zip(models, names, strict=True):
        other = first.setdefault(name, trained)
        settings, others = (
            {**each.meta.config, "steps": each.meta.steps, "text": each.meta.text} for each in (trained, other)
        )
        for setting, value in settings.items():
            if value != others.get(setting):
                what = f"{setting} is {value}, and {others.get(setting)} in {other.path}: {name} would name either"
                raise UsageError(what, where=trained.path, hint="compare other settings in a study of their own")
