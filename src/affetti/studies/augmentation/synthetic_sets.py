"""Makes the synthetic sets of a study: the clips that arms add to the real ones.

A set is of generated clips, by a generator trained on the training songs alone, or aligned after that; of fresh songs,
by the composer of a composed corpus; or of changed copies of the training clips' sound. Each generator is trained once
for a fold and a fraction of its songs, however many arms use it. A set is a corpus, and one that is there is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from affetti.corpus import Corpus, splits
from affetti.corpus.build import PrepareSettings, build
from affetti.corpus.loaders import composed
from affetti.corpus.track import Source
from affetti.errors import MismatchError, UsageError
from affetti.execution import Executor, LocalExecutor
from affetti.inference.generation import GenerationSettings, generate_corpus
from affetti.models.base import require_generator, resolve_sampling
from affetti.progress import Progress, silent
from affetti.random import child_seed
from affetti.studies.augmentation.arms import COMPOSED, COMPOSER, NULL, SyntheticSetSpec
from affetti.studies.augmentation.audio_copies import write_audio_copies
from affetti.studies.augmentation.given_clips import GivenClips
from affetti.studies.augmentation.hard_emotions import write_hard_emotions
from affetti.training import fit as fitting
from affetti.training import run as runs
from affetti.training.conditions import ALL_FIELDS, FieldChoice
from affetti.training.field_variants import field_variants
from affetti.training.parallel import RunSpec, train_runs
from affetti.training.registry import family, make
from affetti.training.text_embedders import HASHED
from affetti.training.train import TrainSettings

MAX_CLIPS_PER_SONG, MIN_SONG_SECONDS = 8, 50.0
"""Clips taken of a song by the composer, and how long it lasts at least."""


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
    """A set that was made, or given, for one training subset."""

    spec: SyntheticSetSpec
    subset: TrainingSubset
    path: Path
    """Its corpus."""
    run: int = 0
    """Number of the generator's run."""
    trained_on: tuple[str, ...] | None = None
    """Songs that its generator was trained on, where the user declares them; None: what its corpus says."""


@dataclass(frozen=True)
class SetMaker:
    """Makes the synthetic sets of a study."""

    out: Path
    """Folder of the study."""
    models: tuple[Path, ...] = ()
    """Runs of generators to use, each for the fold it was trained for; others are trained."""
    clips: tuple[GivenClips, ...] = ()
    """Clips that the user has given."""
    generator_runs: int = 1
    """Runs of each generator and composer, for each fold."""
    ratio: float = 1.0
    """The study's own, by which sets are named."""
    seed: int = 0
    """Of generators and samples."""
    device: str = "cpu"
    """Where generators are trained and sampled."""
    with_audio: bool = False
    """Whether the sound of each clip is kept."""

    def make(
        self,
        specs: list[SyntheticSetSpec],
        subsets: list[TrainingSubset],
        executor: Executor | None = None,
        progress: Progress = silent,
    ) -> list[SyntheticSet]:
        """Make every set for every training subset and generator run.

        Raises:
            AffettiError: what training or generating raised.
        """
        executor = executor or LocalExecutor()
        given = self._given_models()
        to_train: dict[tuple[str, TrainingSubset, int], RunSpec] = {}
        wanted = [(spec, at, run) for at in subsets for spec in specs for run in self._runs(spec)]
        for spec, subset, run in wanted:
            for each in spec.generators:
                if (each.generator, subset.fold, run) not in given:
                    to_train[each.generator, subset, run] = self._run_spec(each, subset, run, given)
        for aligned in (False, True):  # a generator is aligned once it is trained
            group = [each for each in to_train.values() if (each.settings.align is not None) == aligned]
            train_runs(group, executor, progress)
        sizes = [len(Corpus.open(subset.corpus).fold(subset.fold).train) for subset in subsets]
        largest = largest_composed(specs)
        made: list[SyntheticSet] = []
        for spec, subset, run in wanted:
            corpus = Corpus.open(subset.corpus)
            if spec.kind == NULL:
                continue  # rows of the real corpus
            if own := [clips for clips in self.clips if clips.name == spec.kind]:
                made.append(SyntheticSet(spec, subset, own[0].corpus, trained_on=own[0].trained_on))
                continue
            if spec.kind == COMPOSED:
                # Songs by the composer depend on no training song: one set serves all folds, and its first clips any
                # smaller ratio.
                target = self._make_composed(corpus, largest[spec.music], max(sizes), run, executor, progress)
            else:
                model = given.get((spec.generator, subset.fold, run))
                if model is None and spec.kind in runs.GENERATORS:
                    model = to_train[spec.generator, subset, run].out
                target = self._make_set(corpus, spec, subset, run, model, executor, progress)
            made.append(SyntheticSet(spec, subset, target, run))
        return made

    def _run_spec(
        self, spec: SyntheticSetSpec, subset: TrainingSubset, run: int, given: Mapping[tuple[str, int, int], Path]
    ) -> RunSpec:
        """The training of the generator of a set."""
        place = self._run_folder(spec, subset, run)
        settings = TrainSettings(steps=spec.training_steps, seed=self._seed(run), device=self.device)
        if (same := given.get((spec.variant, subset.fold, run))) is not None:
            settings = replace(settings, fields=runs.load(same).generator.followed_fields[1:])
        else:
            settings = replace(settings, fields=spec.fields.only, without=spec.fields.without)
        if spec.aligned:
            base = given.get((spec.base.generator, subset.fold, run)) or self._run_folder(spec.base, subset, run)
            # Half of that run's steps, and its fields.
            settings = replace(settings, steps=None, align=base, beta=spec.beta, fields=None, without=())
        return RunSpec(spec.kind, subset.corpus, subset.fold, place, settings)

    def _run_folder(self, spec: SyntheticSetSpec, subset: TrainingSubset, run: int) -> Path:
        return self.out / "runs" / f"{spec.generator.replace(':', '-')}-{subset.name}{_ending(run)}"

    def _runs(self, spec: SyntheticSetSpec) -> range:
        return range(self.generator_runs if spec.has_runs else 1)

    def _seed(self, run: int) -> int:
        """Of run number ``run``; the first has the study's."""
        return self.seed if run == 0 else child_seed("generator run", self.seed, run) % 2**31

    def _given_models(self) -> dict[tuple[str, int, int], Path]:
        """Path by kind and fields, fold and number of the run, in the order given."""
        given: dict[tuple[str, int, int], Path] = {}
        models = [runs.load(path) for path in self.models]
        for trained, name in zip(models, field_variants(models), strict=True):
            fold = trained.meta.fold
            given[name, fold, sum(key[:2] == (name, fold) for key in given)] = trained.path
        return given

    def _make_composed(
        self, corpus: Corpus, spec: SyntheticSetSpec, size: int, run: int, executor: Executor, progress: Progress
    ) -> Path:
        n = max(1, round(spec.ratio * size))
        target = self.out / "synthetic" / f"{spec.name_for(self.ratio).replace(':', '-')}-n{n}{_ending(run)}"
        compose_songs(
            corpus,
            n,
            target,
            dict(spec.music),
            seed=self._seed(run),
            keep_audio=self.with_audio,
            executor=executor,
            progress=progress,
        )
        return target

    def _make_set(
        self,
        corpus: Corpus,
        spec: SyntheticSetSpec,
        subset: TrainingSubset,
        run: int,
        model: Path | None,
        executor: Executor,
        progress: Progress,
    ) -> Path:
        """The set of one training subset."""
        n = max(1, round(spec.ratio * len(corpus.fold(subset.fold).train)))
        folder, seed = self.out / "synthetic", self._seed(run)
        target = folder / f"{spec.name_for(self.ratio).replace(':', '-')}-{subset.name}{_ending(run)}"
        if model is not None:
            emotions = spec.emotions
            if emotions == "hard":
                emotions = str(write_hard_emotions(corpus, subset.fold, n, Path(f"{target}.csv"), seed=seed))
            settings = GenerationSettings(
                emotions=emotions,
                sampling=dict(spec.sampling),
                filter_by=subset.corpus if spec.filtered else None,
                seed=seed,
                with_audio=self.with_audio,
                device=self.device,
            )
            generate_corpus(model, n, target, settings, executor=executor, progress=progress)
        elif spec.kind == COMPOSER:
            keep = self.with_audio
            fresh_songs(corpus, n, target, seed=seed, keep_audio=keep, executor=executor, progress=progress)
        else:
            kind = spec.kind.removeprefix("audio-")
            write_audio_copies(corpus, subset.fold, n, kind, target, seed=seed, executor=executor, progress=progress)
        return target


def largest_composed(specs: Sequence[SyntheticSetSpec]) -> dict[tuple[tuple[str, str], ...], SyntheticSetSpec]:
    """Of the sets of songs by affetti's composer, the one with the largest ratio for each of its settings."""
    composed_sets = sorted((spec for spec in specs if spec.kind == COMPOSED), key=lambda spec: spec.ratio)
    return {spec.music: spec for spec in composed_sets}


def _ending(run: int) -> str:
    """Ends the names of what belongs to a generator's run."""
    return f"-r{run}" if run else ""


def fresh_songs(
    corpus: Corpus,
    n: int,
    out: Path,
    *,
    seed: int = 0,
    keep_audio: bool = False,
    executor: Executor | None = None,
    progress: Progress = silent,
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
    voice = planted.get("lyrics", {}).get("voice", "none")
    # The seed of a corpus of its own is never that of the corpus.
    other = child_seed("composer", seed, int(corpus.meta["seed"])) % 2**31
    music = {"keys": int(planted["keys"]), "voice": None if voice == "none" else voice}
    source = _new_songs(max(n, 2 * each), each, other, music)
    return build(
        source, out, corpus.front_end, _prepare(corpus, other, keep_audio), executor=executor, progress=progress
    ).corpus


def compose_songs(
    corpus: Corpus,
    n: int,
    out: Path,
    music: Mapping[str, str],
    *,
    seed: int = 0,
    keep_audio: bool = False,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> Corpus:
    """At least ``n`` clips of songs by affetti's composer, with the front-end of ``corpus``, whatever that holds.

    Their labels come from the cue weights that listeners' ratings gave (:mod:`affetti.compose.cues`).

    Args:
        corpus: the real corpus.
        n: how many clips.
        out: folder of the songs' own corpus.
        music: the composer's settings: ``keys`` (12 unless given), ``style`` and ``instruments``, see
            :func:`affetti.corpus.loaders.composed.load`.
        seed: of the songs.
        keep_audio: whether the sound of each clip is kept.
        executor: composes and renders; this process by default.
        progress: called with songs done.
    """
    each = max(1, min(MAX_CLIPS_PER_SONG, int(MIN_SONG_SECONDS // corpus.front_end.seconds)))
    other = child_seed("composed", seed, int(corpus.meta.get("seed", 0))) % 2**31
    settings = {"keys": int(music.get("keys", 12)), **{key: music[key] for key in music if key != "keys"}}
    source = _new_songs(max(n, 2 * each), each, other, settings)
    return build(
        source, out, corpus.front_end, _prepare(corpus, other, keep_audio), executor=executor, progress=progress
    ).corpus


def _prepare(corpus: Corpus, seed: int, keep_audio: bool) -> PrepareSettings:
    return PrepareSettings(corpus.meta["preset"], keep_audio=keep_audio, folds=2, seed=seed)


def _new_songs(n: int, each: int, seed: int, music: Mapping[str, Any]) -> Source:
    """``n`` clips of new songs, ``each`` of a song, with ids that no other corpus has."""
    source = composed.load(n, each, seed, **music)
    tracks = [
        replace(track, track_id=name, song_id=name, path=name)
        for track in source.tracks
        for name in (f"{COMPOSER}-{seed}-{track.track_id}",)
    ]
    return replace(source, tracks=tracks)


def require_honest(
    synthetic: Corpus, corpus: Corpus, part: splits.Fold, trained_on: tuple[str, ...] | None = None
) -> None:
    """Refuse a set of another front-end, of unknown origin, or whose generator has seen the test songs in training.

    Args:
        synthetic: the set.
        corpus: the real corpus.
        part: its fold, whose test clips will be predicted.
        trained_on: the songs that its generator was trained on, as the user declares; None: as the set says.

    Raises:
        MismatchError: says which.
    """
    synthetic.require_front_end(corpus.front_end, corpus.path)
    provenance = synthetic.meta.get("provenance")
    fresh = synthetic.composed and not (corpus.composed and synthetic.meta["seed"] == corpus.meta["seed"])
    if not provenance and not fresh and trained_on is None:
        raise MismatchError(
            "does not say which songs its generator was trained on",
            where=synthetic.path,
            hint="make it with affetti generate",
        )
    known = [*(provenance["training_songs"] if provenance else ()), *(trained_on or ())]
    splits.require_no_leakage(corpus.clips.iloc[part.test], synthetic.clips, trained_on=known, where=synthetic.path)


def sampling_refusal(
    kind: str,
    sampling: dict[str, float],
    corpus: Corpus,
    given: Sequence[runs.TrainedModel] = (),
    choice: FieldChoice = ALL_FIELDS,
) -> str | None:
    """Why generators of ``kind`` would refuse the parameters ``sampling``; None if they would not.

    Those of ``given`` are tried where there are any of that kind, else one with the chosen of the condition fields that
    the corpus has labels for.
    """
    models: list[nn.Module] = [trained.model for trained in given if trained.kind == kind]
    if not models:
        fields = fitting.training_clips(corpus, np.arange(len(corpus)), HASHED, choice)[1]
        models = [make(kind, corpus.front_end.shape, family(kind).settings_at(corpus.meta["preset"]), fields)]
    try:
        for model in models:
            resolve_sampling(sampling, require_generator(model, kind).sampling_parameters)
    except UsageError as error:
        return error.what + (f" ({error.hint})" if error.hint else "")
    return None
