"""Makes the synthetic sets of a study: the clips that arms add to the real ones.

A set is of generated clips, by a generator trained on the training songs alone; of fresh songs, by the composer of a
composed corpus; or of changed copies of the training clips' sound. Each generator is trained once for a fold and a
fraction of its songs, however many arms use it. A set is a corpus, and one that is there is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from affetti.corpus import Corpus, splits
from affetti.corpus.build import PrepareSettings, build
from affetti.corpus.loaders import composed
from affetti.errors import MismatchError, UsageError
from affetti.execution import Executor, LocalExecutor
from affetti.inference.generation import GenerationSettings, generate_corpus
from affetti.models.base import require_generator, resolve_sampling
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.studies.augmentation.arms import AUDIO_COPIES, COMPOSER, SyntheticSetSpec
from affetti.studies.augmentation.audio_copies import write_audio_copies
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.parallel import RunSpec, train_runs
from affetti.training.registry import family, make
from affetti.training.text_embedders import HASHED
from affetti.training.train import TrainSettings


@dataclass(frozen=True)
class TrainingSubset:
    """What an arm is trained on: the training songs of a fold, or a fraction of them."""

    fold: int
    train_fraction: float
    """In (0, 1]."""
    corpus: Path
    """The corpus of these songs, with the validation and test clips of the fold."""

    @property
    def name(self) -> str:
        """Ends the names of its files.

        Example:
            >>> TrainingSubset(0, 0.5, Path("corpus")).name
            'f0-p50'
        """
        return f"f{self.fold}" + (f"-p{100 * self.train_fraction:g}" if self.train_fraction < 1 else "")


@dataclass(frozen=True)
class SyntheticSet:
    """A set that was made for one training subset."""

    spec: SyntheticSetSpec
    subset: TrainingSubset
    path: Path
    """Its corpus."""


def make_sets(
    specs: list[SyntheticSetSpec],
    subsets: list[TrainingSubset],
    out: Path,
    models: tuple[Path, ...],
    *,
    ratio: float,
    seed: int,
    device: str = "cpu",
    executor: Executor | None = None,
    progress: Progress = silent,
) -> list[SyntheticSet]:
    """Make every set for every training subset.

    Args:
        specs: the sets.
        subsets: the training subsets.
        out: folder of the study.
        models: generator runs to use, each for the fold it was trained for; others are trained.
        ratio: the study's own, by which sets are named.
        seed: of generators and samples.
        device: where generators are trained and sampled.
        executor: trains and samples; this process by default.
        progress: called with stages and counts.

    Raises:
        AffettiError: what training or generating raised.
    """
    executor = executor or LocalExecutor()
    given = {(trained.kind, trained.meta.fold): trained.path for trained in map(runs.load, models)}
    to_train: dict[tuple[str, TrainingSubset], RunSpec] = {}
    for subset in subsets:
        for spec in specs:
            if spec.kind in runs.GENERATORS and (spec.generator, subset.fold) not in given:
                name = f"{spec.generator.replace(':', '-')}-{subset.name}"
                settings = TrainSettings(steps=spec.training_steps, seed=seed, device=device)
                run = out / "runs" / name
                to_train[spec.generator, subset] = RunSpec(spec.kind, subset.corpus, subset.fold, run, settings)
    train_runs(list(to_train.values()), executor, progress)
    made: list[SyntheticSet] = []
    for subset in subsets:
        corpus = Corpus.open(subset.corpus)
        for spec in specs:
            n = max(1, round(spec.ratio * len(corpus.fold(subset.fold).train)))
            target = out / "synthetic" / f"{spec.name_for(ratio).replace(':', '-')}-{subset.name}"
            if spec.kind == COMPOSER:
                fresh_songs(corpus, n, target, seed=seed, executor=executor, progress=progress)
            elif spec.kind in AUDIO_COPIES:
                kind = spec.kind.removeprefix("audio-")
                write_audio_copies(
                    corpus, subset.fold, n, kind, target, seed=seed, executor=executor, progress=progress
                )
            else:
                model = given.get((spec.generator, subset.fold)) or to_train[spec.generator, subset].out
                settings = GenerationSettings(
                    emotions="matched",
                    sampling=dict(spec.sampling),
                    filter_by=subset.corpus if spec.filtered else None,
                    seed=seed,
                    device=device,
                )
                generate_corpus(model, n, target, settings, executor=executor, progress=progress)
            made.append(SyntheticSet(spec, subset, target))
    return made


def fresh_songs(
    corpus: Corpus, n: int, out: Path, *, seed: int = 0, executor: Executor | None = None, progress: Progress = silent
) -> Corpus:
    """At least ``n`` clips of new songs by the composer of ``corpus``: what a perfect generator would give.

    Same cues, keys, voice and front-end, another seed; songs have ids of their own.

    Raises:
        MismatchError: the corpus is not a composed one.
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
        executor=executor,
        progress=progress,
    ).corpus


def require_honest(synthetic: Corpus, corpus: Corpus, part: splits.Fold) -> None:
    """Refuse a set of another front-end, of unknown origin, or whose generator has seen the test songs in training.

    Args:
        synthetic: the set.
        corpus: the real corpus.
        part: its fold, whose test clips will be predicted.

    Raises:
        MismatchError: says which.
    """
    synthetic.require_front_end(corpus.front_end, corpus.path)
    provenance = synthetic.meta.get("provenance")
    fresh = synthetic.composed and corpus.composed and synthetic.meta["seed"] != corpus.meta["seed"]
    if not provenance and not fresh:
        raise MismatchError(
            "does not say which songs its generator was trained on",
            where=synthetic.path,
            hint="make it with affetti generate",
        )
    trained_on = provenance["training_songs"] if provenance else ()
    splits.require_no_leakage(
        corpus.clips.iloc[part.test], synthetic.clips, trained_on=trained_on, where=synthetic.path
    )


def require_usable(models: list[runs.TrainedModel], corpus: Corpus) -> None:
    """Refuse models the study cannot use, before any work is done.

    Raises:
        UsageError: one is not a generator; or there is not one of each kind for each fold.
        MismatchError: another front-end, or it was trained on the test songs.
    """
    counts: dict[tuple[str, int], int] = {}
    for trained in models:
        if trained.kind not in runs.GENERATORS:
            raise UsageError(f"a {trained.kind} does not generate", where=trained.path, hint="give runs of generators")
        corpus.require_front_end(trained.front_end, trained.path)
        fold = trained.meta.fold
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
    kind: str, sampling: dict[str, float], corpus: Corpus, given: Sequence[runs.TrainedModel] = ()
) -> str | None:
    """Why generators of ``kind`` would refuse the parameters ``sampling``; None if they would not.

    Those of ``given`` are tried where there are any of that kind, else one with all condition fields that the corpus
    has labels for.
    """
    models: list[nn.Module] = [trained.model for trained in given if trained.kind == kind]
    if not models:
        fields = fitting.training_clips(corpus, np.arange(len(corpus)), HASHED)[1]
        models = [make(kind, corpus.front_end.shape, family(kind).settings_at(corpus.meta["preset"]), fields)]
    try:
        for model in models:
            resolve_sampling(sampling, require_generator(model, kind).sampling_parameters)
    except UsageError as error:
        return error.what + (f" ({error.hint})" if error.hint else "")
    return None
