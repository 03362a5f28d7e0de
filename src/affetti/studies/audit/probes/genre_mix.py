"""Predicted genres of generated clips against those of real ones: how far a generator without genre averages genres.

A genre probe is fitted to the real clips that the generator was trained on, and predicts two sets it has not seen:
held-out real songs, and the generated clips. The total variation distance of the two distributions of predicted genres,
½ Σ |p − q|, is the share of clips that would have to change genre. Samples of this size also differ by chance: that
distance is reported beside it.

When not to use: as the genres that were requested. A probe predicts the nearest genre for anything, noise too.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.embedders.statistics import embed_statistics
from affetti.errors import InputError
from affetti.studies.audit.answer import Measurement
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import linear_probe
from affetti.studies.audit.probes.genre_ccc import clip_genres
from affetti.studies.audit.probes.linear_probe import Floats, Texts
from affetti.training import run as runs
from affetti.training.registry import REFERENCE_GENERATOR

N_RESAMPLES = 400
NEEDS_GENERATOR = "a generator: give --models"


def mix_shift(context: AuditContext) -> list[Measurement]:
    """``mix_shift`` and ``mix_shift_by_chance``; of further generators with their name behind it."""
    kinds = [kind for kind, _ in context.generated]
    first = kinds[0] if kinds and REFERENCE_GENERATOR not in kinds else REFERENCE_GENERATOR
    if not kinds:
        return _missing_measurements("", "a generator", NEEDS_GENERATOR)
    measurements: list[Measurement] = []
    for kind, path in context.generated:
        suffix = "" if kind == first else f"_{kind}"
        try:
            measurements += _shift(context, kind, path, suffix)
        except InputError as error:
            measurements += _missing_measurements(
                suffix, kind, f"two genres or more in the songs it was trained on ({error.what})"
            )
    return measurements + _blind_shift(context)


def _blind_shift(context: AuditContext) -> list[Measurement]:
    """``mix_shift_blind``: the same of the first generator whose clips do not depend on a genre."""
    needs = "a generator without genres: affetti train gan --without genre, or --set recipe=published"
    made = zip(context.generated, map(runs.load, context.models), strict=False)
    blind = [it for it, trained in made if "genre" not in trained.generator.followed_fields]
    if not blind:
        return _missing_measurements("_blind", "a generator that knows no genre", needs)
    try:
        return _shift(context, *blind[0], "_blind")
    except InputError as error:
        return _missing_measurements("_blind", blind[0][0], f"genres in the songs it was trained on ({error.what})")


def _shift(context: AuditContext, kind: str, path: Path, suffix: str) -> list[Measurement]:
    corpus, genre, songs = Corpus.open(path), clip_genres(context.corpus.clips), context.corpus.songs
    known = genre != ""
    trained_on = np.isin(songs, list((corpus.meta.get("provenance") or {}).get("training_songs", ())))
    train, held = np.flatnonzero(known & trained_on), np.flatnonzero(known & ~trained_on)
    if not held.size:
        raise InputError("no real song held out")
    classify = linear_probe.fit_classifier(context.statistics[train], genre[train], songs[train])
    real, generated = classify(context.statistics[held]), classify(embed_statistics(corpus.mel))
    names = np.unique(genre[train])
    codes = np.searchsorted(names, np.concatenate([real, generated]))
    of_generator = np.arange(len(codes)) >= len(real)
    clips = np.char.add("generated ", corpus.clips["clip_id"].to_numpy(dtype=str))
    naming = f"mix_shift{suffix}", f"clips of {kind} that would have to change genre to have the real mix"
    units = np.concatenate([songs[held], clips])
    shift = Measurement.of_statistic(
        *naming, total_variation, codes, of_generator, songs=units, seed=context.seed, unit="%", of="generated clips"
    )
    chance = chance_variation(codes[~of_generator], songs[held], len(generated), context.rng("mix"))
    low, high = np.quantile(chance, [0.025, 0.975])
    naming = f"mix_shift_by_chance{suffix}", "the same of as many real clips drawn at random"
    return [
        replace(shift, n=len(generated)),
        Measurement(*naming, float(chance.mean()), (float(low), float(high)), len(generated), "clips", "%"),
    ]


def total_variation(codes: NDArray[np.intp], other: NDArray[np.bool_]) -> float:
    """Total variation distance, %, of the mixes of two sets of clips: those of ``other``, and the rest.

    Raises:
        InputError: one of them is empty.
    """
    if other.all() or not other.any():
        raise InputError("a mix of no clips")
    p, q = (np.bincount(codes[side], minlength=int(codes.max()) + 1) / side.sum() for side in (other, ~other))
    return 50.0 * float(np.abs(p - q).sum())


def chance_variation(codes: NDArray[np.intp], songs: Texts, n: int, rng: np.random.Generator) -> Floats:
    """Total variation distance, %, of two mixes that differ by chance alone: ``n`` clips, and songs drawn again.

    Args:
        codes: predicted genre of each real clip.
        songs: of each.
        n: clips drawn, with replacement.
        rng: of the draws.
    """
    _, member = np.unique(songs, return_inverse=True)
    table = np.zeros((int(member.max()) + 1, int(codes.max()) + 1))
    np.add.at(table, (member, codes), 1.0)
    drawn = rng.multinomial(n, table.sum(axis=0) / len(codes), N_RESAMPLES) / n
    again = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), N_RESAMPLES) @ table
    return 50.0 * np.abs(drawn - again / again.sum(axis=1, keepdims=True)).sum(axis=1)


def _missing_measurements(suffix: str, kind: str, needs: str) -> list[Measurement]:
    return [
        Measurement.missing(f"mix_shift{suffix}", f"clips of {kind} that would have to change genre", needs, "%"),
        Measurement.missing(f"mix_shift_by_chance{suffix}", "the same of real clips drawn at random", needs, "%"),
    ]
