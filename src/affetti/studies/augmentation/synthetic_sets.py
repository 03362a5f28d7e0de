"""The sets of clips that arms are made of.

Generators trained on the training songs alone and what they generate, fresh songs by the true composer, changed copies
of sound. Each generator is trained once for a fold and a share of its songs, whatever the number of arms that use it.
Nothing is made twice: a set is a corpus, and one that is there is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from affetti import presets
from affetti.corpus import Corpus, splits
from affetti.corpus.build import PrepareSettings, build
from affetti.corpus.loaders import composed
from affetti.errors import MismatchError, UsageError
from affetti.execution import LocalExecutor
from affetti.inference.generation import generate_corpus
from affetti.models.base import require_generator, resolve_sampling
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.studies.augmentation.arms import AUDIO_COPIES, COMPOSER, SyntheticSetSpec
from affetti.studies.augmentation.audio_copies import write_audio_copies
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.parallel import RunSpec, train_runs
from affetti.training.text_embedders import HASHED
from affetti.training.train import TrainSettings


@dataclass(frozen=True)
class TrainingSubset:
    """Where an arm is trained: a fold, and the share of its training songs that there is."""

    fold: int
    train_fraction: float
    corpus: Path

    @property
    def name(self) -> str:
        """Ends the names of its files."""
        return f"f{self.fold}" + (f"-p{100 * self.train_fraction:g}" if self.train_fraction < 1 else "")


@dataclass(frozen=True)
class SyntheticSet:
    """A set that was made, for one place."""

    spec: SyntheticSetSpec
    subset: TrainingSubset
    path: Path


def make_sets(
    wanted: list[SyntheticSetSpec],
    places: list[TrainingSubset],
    out: Path,
    models: tuple[Path, ...],
    *,
    ratio: float,
    seed: int,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress = silent,
) -> list[SyntheticSet]:
    """Make every set of ``wanted`` for every place.

    Args:
        wanted: the sets.
        places: where.
        out: folder of the study.
        models: generator runs to use, each for the fold it was trained for; others are trained.
        ratio: the study's own, by which sets are named.
        seed: of generators and samples.
        device: where generators are trained and sampled.
        workers: processes.
        progress: told of stages.

    Raises:
        AffettiError: what training or generating raised.
    """
    given = {(trained.kind, int(trained.meta["fold"])): trained.path for trained in map(runs.load, models)}
    specs: dict[tuple[str, TrainingSubset], RunSpec] = {}
    for place in places:
        for made in wanted:
            if made.kind in runs.GENERATORS and (made.generator, place.fold) not in given:
                name = f"{made.generator.replace(':', '-')}-{place.name}"
                settings = TrainSettings(steps=made.training_steps or None, seed=seed, device=device)
                specs[made.generator, place] = RunSpec(
                    made.kind, place.corpus, place.fold, out / "runs" / name, settings
                )
    train_runs(list(specs.values()), workers, progress)
    found: list[SyntheticSet] = []
    for place in places:
        corpus = Corpus.open(place.corpus)
        for made in wanted:
            n = max(1, round(made.ratio * len(corpus.fold(place.fold).train)))
            target = out / "synthetic" / f"{made.name_for(ratio).replace(':', '-')}-{place.name}"
            if made.kind == COMPOSER:
                fresh_songs(corpus, n, target, seed=seed, workers=workers, progress=progress)
            elif made.kind in AUDIO_COPIES:
                kind = made.kind.removeprefix("audio-")
                write_audio_copies(corpus, place.fold, n, kind, target, seed=seed, workers=workers, progress=progress)
            else:
                run = given.get((made.generator, place.fold)) or specs[made.generator, place].out
                generate_corpus(
                    run,
                    n,
                    target,
                    emotions="matched",
                    sampling=dict(made.sampling) or None,
                    filter_by=place.corpus if made.filtered else None,
                    seed=seed,
                    device=device,
                    workers=workers,
                    progress=progress,
                )
            found.append(SyntheticSet(made, place, target))
    return found


def fresh_songs(
    corpus: Corpus, n: int, out: Path, *, seed: int = 0, workers: int = 1, progress: Progress = silent
) -> Corpus:
    """At least ``n`` clips of songs that the composer of ``corpus`` has not composed yet: a generator that is true.

    Same cues, keys, voice and front-end, another seed; songs have ids of their own.

    Raises:
        MismatchError: it is not a composed corpus.
    """
    planted = corpus.meta.get("planted")
    if not corpus.composed or not planted:
        raise MismatchError("is not a composed corpus", where=corpus.path, hint="use affetti prepare composed")
    each = int(np.unique(corpus.songs, return_counts=True)[1].max())
    other = child_seed("composer", seed, int(corpus.meta["seed"])) % 2**31
    voice = planted.get("lyrics", {}).get("voice", "none")
    source = composed.load(
        max(n, 2 * each), each, other, keys=int(planted["keys"]), voice=None if voice == "none" else voice
    )
    tracks = [
        replace(track, track_id=name, song_id=name, path=name)
        for track in source.tracks
        for name in (f"{COMPOSER}-{other}-{track.track_id}",)
    ]
    return build(
        replace(source, tracks=tracks),
        out,
        corpus.front_end,
        PrepareSettings(corpus.meta["preset"], folds=2, seed=other),
        executor=LocalExecutor(workers),
        progress=progress,
    ).corpus


def require_honest(made: Corpus, corpus: Corpus, part: splits.Fold) -> None:
    """Refuse a set that is of another front-end, unknown origin, or whose generator has heard the test songs.

    Raises:
        MismatchError: says which.
    """
    made.require_front_end(corpus.front_end, corpus.path)
    provenance = made.meta.get("provenance")
    fresh = made.composed and corpus.composed and made.meta["seed"] != corpus.meta["seed"]
    if not provenance and not fresh:
        raise MismatchError(
            "says nothing of its generator's training songs", where=made.path, hint="make it with affetti generate"
        )
    heard = provenance["training_songs"] if provenance else ()
    splits.require_no_leakage(corpus.clips.iloc[part.test], made.clips, trained_on=heard, where=made.path)


def require_usable(models: list[runs.TrainedModel], corpus: Corpus) -> None:
    """Refuse models the study cannot use, before any work is done.

    Raises:
        UsageError: one is no generator; or not one of each kind for each fold.
        MismatchError: another front-end, or it has heard the test songs.
    """
    counts: dict[tuple[str, int], int] = {}
    for trained in models:
        if trained.kind not in runs.GENERATORS:
            raise UsageError(f"a {trained.kind} does not generate", where=trained.path, hint="give runs of generators")
        corpus.require_front_end(trained.front_end, trained.path)
        fold = int(trained.meta["fold"])
        trained.require_unseen(corpus.songs[corpus.fold(fold).test])
        counts[trained.kind, fold] = counts.get((trained.kind, fold), 0) + 1
    for kind in {kind for kind, _ in counts}:
        for fold in {fold for _, fold in counts}:
            if counts.get((kind, fold)) != 1:
                raise UsageError(
                    f"{counts.get((kind, fold), 0)} {kind} models for fold {fold}",
                    where="--models",
                    hint="give one of each kind for each fold",
                )


def sampling_refusal(
    kind: str, dials: dict[str, float], corpus: Corpus, given: Sequence[runs.TrainedModel] = ()
) -> str | None:
    """Why generators of ``kind`` would refuse to be turned by ``dials``; None if they would not.

    Those of ``given`` are asked where there are any of that kind, else one that knows all that the corpus can teach.
    """
    models: list[nn.Module] = [trained.model for trained in given if trained.kind == kind]
    if not models:
        fields = fitting.training_clips(corpus, np.arange(len(corpus)), HASHED)[1]
        models = [runs.make(kind, corpus.front_end.shape, presets.settings(corpus.meta["preset"], kind), fields)]
    try:
        for model in models:
            resolve_sampling(dials, require_generator(model, kind).sampling_parameters)
    except UsageError as error:
        return error.what + (f" ({error.hint})" if error.hint else "")
    return None
