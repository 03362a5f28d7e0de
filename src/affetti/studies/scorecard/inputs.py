"""What is scored: the sets of clips, the settings, and the checks that they can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from affetti.corpus import splits
from affetti.embedders.base import Embedder, require_input, require_unseen
from affetti.embedders.clip_set import ClipSet
from affetti.embedders.statistics import STATISTICS
from affetti.errors import InputError, MismatchError, UsageError
from affetti.metrics.quality import MIN_SONGS
from affetti.studies.scorecard.emotion_predictions import open_regressor
from affetti.studies.scorecard.result import Generator
from affetti.studies.scorecard.set_description import Role

MIN_CLIPS_OF_SONG = 2
"""Clips below which a song is not taken as a whole one."""
MIN_WHOLE_SONGS = 3
"""Whole songs that each set needs."""


@dataclass(frozen=True)
class ScoreSets:
    """The sets of clips that a scorecard is made of."""

    real: ClipSet
    """Real clips; with a fold only its test clips are the reference, and its training clips the training set."""
    fake: ClipSet
    """The synthetic clips."""
    train: ClipSet | None = None
    """What the generator was trained on, for the search for copies."""
    against: tuple[ClipSet, ...] = ()
    """Clips of other generators, to be compared with ``fake`` on the same reference."""

    def roles(self) -> Iterator[tuple[Role, ClipSet]]:
        """The sets that there are, the real one first, and what each is."""
        yield "real", self.real
        yield "fake", self.fake
        if self.train is not None:
            yield "train", self.train
        for clips in self.against:
            yield "against", clips

    def given(self) -> Iterator[ClipSet]:
        """The sets that there are."""
        return (clips for clips in (self.real, self.fake, self.train, *self.against) if clips is not None)


@dataclass(frozen=True)
class ScoreSettings:
    """How sets are scored."""

    fold: int | None = None
    """A fold of the real set, which must be a corpus."""
    regressor: Path | None = None
    """A run of a regressor that predicts the emotions; without one a small one is trained where the real set is a
    labelled corpus."""
    embedder: Embedder = STATISTICS
    """What the established metrics and the search for copies compare; the Quality Score is of log-mels."""
    seed: int = 0
    """Of every resampling."""
    device: str = "cpu"
    """Where the regressor runs."""
    form: bool = False
    """Whether whole songs are compared too; both sets are then corpora of songs of several clips."""
    out: Path | None = None
    """Folder for ``typicality.parquet`` and ``pictures.npz``, which the report draws; without it nothing is written."""


@dataclass(frozen=True)
class Reference:
    """The real clips that synthetic ones are compared with."""

    clips: ClipSet
    fold: splits.Fold | None
    """Rows of the real set, where it is split."""


def checked(sets: ScoreSets, settings: ScoreSettings) -> Reference:
    """The reference, once everything that can be checked before the work has been.

    Raises:
        InputError: too few songs, or no audio for an embedder that takes waveforms.
        MismatchError: different front-ends, also that of the regressor, a "real" set that is synthetic, a generator or
            an embedder that was trained on songs of the reference.
        UsageError: a negative seed, a fold of a set that has none, a run that does not predict from log-mels, or whole
            songs of sets that are no corpora.
    """
    if settings.seed < 0:
        raise UsageError(f"seed {settings.seed} is negative", where="--seed", hint="give 0 or more")
    real = sets.real
    for other in (sets.fake, sets.train, *sets.against):
        if other is not None:
            _require_alike(real, other)
    for clips in sets.given():
        require_input(settings.embedder, clips)
    if real.corpus is not None and real.corpus.synthetic:
        raise MismatchError("holds synthetic clips", where=real.name, hint="REAL comes first: give real clips there")
    if settings.regressor is not None:
        open_regressor(settings.regressor, sets.fake, real)
    reference = _reference(sets, settings.fold)
    require_unseen(settings.embedder, reference.clips.songs)
    for clips in (reference.clips, sets.fake, *sets.against):
        _require_songs(clips)
    if settings.form:
        for clips in (reference.clips, sets.fake):
            require_whole_songs(clips)
    return reference


def _reference(sets: ScoreSets, fold: int | None) -> Reference:
    real = sets.real
    if fold is None:
        return Reference(real, None)
    part = real.fold(fold)
    clips = real.subset(part.test)
    for made in (sets.fake, *sets.against):
        splits.require_held_out(clips.songs.tolist(), training_songs(made), f"the generator of {made.name}")
    return Reference(clips, part)


def _require_songs(clips: ClipSet) -> None:
    """Refuse a set of too few songs, before it is read.

    Raises:
        InputError: fewer songs than the Quality Score can be calibrated on.
    """
    songs = int(np.unique(clips.songs).size)
    if songs < MIN_SONGS:
        raise InputError(
            f"{songs} song{' is' if songs == 1 else 's are'} too few to calibrate on",
            where=clips.name,
            hint=f"give clips of {MIN_SONGS} songs or more",
        )


def require_whole_songs(clips: ClipSet) -> None:
    """Refuse sets that are no corpora of songs of several clips.

    Raises:
        UsageError: the set is no corpus.
        InputError: too few of its songs have several clips.
    """
    if clips.corpus is None:
        hint = "make a corpus of it: affetti prepare folder:PATH --windows all"
        raise UsageError("only a corpus says where in their songs clips lie", where=clips.name, hint=hint)
    _, counts = np.unique(clips.songs, return_counts=True)
    whole = int((counts >= MIN_CLIPS_OF_SONG).sum())
    if whole < MIN_WHOLE_SONGS:
        what = f"{whole} songs of {MIN_CLIPS_OF_SONG} clips or more, and --form compares songs"
        hint = "prepare it with --windows all; generate songs with --seconds, --curve or --form"
        raise InputError(what, where=clips.name, hint=hint)


def _require_alike(real: ClipSet, other: ClipSet) -> None:
    """Refuse log-mels of another front-end or shape than the real ones.

    Raises:
        MismatchError: names both.
    """
    hint = "prepare and generate both with the same --front-end"
    ours, theirs = real.front_end, other.front_end
    if ours is not None and theirs is not None and ours.hash != theirs.hash:
        difference = f"front-ends {ours.hash} {ours.shape} and {theirs.hash} {theirs.shape}"
        raise MismatchError(difference, where=other.name, hint=hint)
    if real.mel.shape[1:] != other.mel.shape[1:]:
        difference = f"log-mels of shape {other.mel.shape[1:]}, those of {real.name} are {real.mel.shape[1:]}"
        raise MismatchError(difference, where=other.name, hint=hint)


def training_songs(fake: ClipSet) -> list[str]:
    """Songs that the generator of ``fake`` was trained on, where its corpus says so."""
    provenance = _provenance(fake)
    return [] if provenance is None else provenance["training_songs"]


def generator_of(fake: ClipSet) -> Generator | None:
    """What made the synthetic clips, where their corpus says so."""
    provenance = _provenance(fake)
    if provenance is None:
        return None
    return Generator(*(provenance[key] for key in ("generator", "weights_sha256", "emotions", "seed")))


def _provenance(fake: ClipSet) -> dict[str, Any] | None:
    return None if fake.corpus is None else fake.corpus.meta.get("provenance")
