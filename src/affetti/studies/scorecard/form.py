"""Whole songs beside real ones: structure curves, repetition, sections, and how far emotion moves within a song.

Every song is cut at one length, the median of the set whose songs are shorter, because repetition grows with length;
songs under half of it are left out. What is measured is in :mod:`affetti.metrics.song_form`, the comparison in
:mod:`affetti.metrics.song_means`. The spread of emotion within a song is that of what the scorecard's regressor
predicts of its clips, the standard deviation over a song's clips; of real songs, those that it was not trained on.

When not to use: for songs of which a corpus holds but some clips, as ``--windows centre`` leaves of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from affetti.embedders.clip_set import ClipSet
from affetti.emotion import AXES
from affetti.errors import InputError, UsageError
from affetti.metrics import song_form
from affetti.metrics.sample import Floats
from affetti.metrics.song_blocks import SongBlocks, song_blocks
from affetti.metrics.song_means import curve_distance, mean_beside_real, share_as_high
from affetti.presets import FrontEnd
from affetti.results import Estimate
from affetti.studies.scorecard.emotion_predictions import EmotionPredictions
from affetti.studies.scorecard.form_results import Form, FormCurve, FormMeasure, FormSongs, Loop
from affetti.studies.scorecard.inputs import MIN_CLIPS_OF_SONG, MIN_WHOLE_SONGS, require_whole_songs

LOOPS_BELOW = 0.05
"""p-value of a song that counts as a loop."""
MAX_LOOPS = 10
"""That are listed."""


@dataclass(frozen=True)
class SongNumbers:
    """What is measured of each of N songs."""

    songs: tuple[SongBlocks, ...]
    curves: Floats
    """Structure curves ``[N, L]``."""
    courses: Floats
    """Levels over ten parts ``[N, 10]``."""
    repetition: Floats
    periods: tuple[song_form.Period, ...]
    contrast: Floats
    returns: Floats

    @classmethod
    def of(cls, songs: Sequence[SongBlocks]) -> SongNumbers:
        """Measure songs of one length."""
        curves: list[Floats] = []
        repeated: list[float] = []
        periods: list[song_form.Period] = []
        for song in songs:
            distance = song_form.distances(song)
            curve = song_form.distance_by_lag(distance)
            curves.append(song_form.lag_cells(song, curve))
            repeated.append(song_form.repetition(song, distance))
            periods.append(song_form.strongest_period(song, curve))
        contrasts = [song_form.section_contrast(song) for song in songs]
        return cls(
            tuple(songs),
            np.array(curves),
            np.array([song_form.level_course(song) for song in songs]),
            np.array(repeated),
            tuple(periods),
            np.array([np.nan if each is None else each["mean"] for each in contrasts]),
            song_form.returns(songs),
        )

    @property
    def depths(self) -> Floats:
        """Prominence of each song's strongest period ``[N]``."""
        return np.array([period.depth for period in self.periods])


def measure_form(real: ClipSet, fake: ClipSet, predictions: EmotionPredictions | None, seed: int) -> Form:
    """Compare the songs of two corpora.

    Args:
        real: clips of real songs.
        fake: clips of synthetic songs, of the same front-end.
        predictions: emotions predicted of both; None where there are none.
        seed: of the floors of distances.

    Raises:
        UsageError, InputError: as :func:`affetti.studies.scorecard.inputs.require_whole_songs`.
    """
    given = [whole_songs(clips) for clips in (real, fake)]
    seconds = min(float(np.median([song.seconds for song in songs])) for songs in given)
    sides = [[song.first(seconds) for song in songs if song.seconds >= seconds / 2] for songs in given]
    first, second = (SongNumbers.of(songs) for songs in sides)
    short = sum(map(len, given)) - sum(map(len, sides))
    comparable = np.isfinite(first.curves).all(axis=0) & np.isfinite(second.curves).all(axis=0)
    curves = [numbers.curves[:, comparable] for numbers in (first, second)]
    courses = [numbers.courses[np.isfinite(numbers.courses).all(axis=1)] for numbers in (first, second)]
    measures = {
        "structure_curve": _distance(curves[0], curves[1], seed),
        "level_course": _distance(courses[0], courses[1], seed),
        "repetition": _mean(first.repetition, second.repetition),
        "loops": _looping(first.depths, second.depths),
        "section_contrast": _mean(first.contrast, second.contrast, "a section known of"),
        "section_returns": _mean(first.returns, second.returns, "a section that comes back known of"),
        **_emotion_spread(predictions, fake.songs),
    }
    positions = (np.arange(song_form.PARTS) + 0.5) / song_form.PARTS
    return Form(
        seconds,
        FormSongs(len(sides[0]), len(sides[1]), short),
        measures,
        _curve(np.array(song_form.LAGS)[comparable], *curves),
        _curve(positions, *courses),
        _loops(first.depths, second),
    )


def whole_songs(clips: ClipSet) -> list[SongBlocks]:
    """The songs of a corpus that have several clips.

    Raises:
        UsageError, InputError: as :func:`affetti.studies.scorecard.inputs.require_whole_songs`.
    """
    require_whole_songs(clips)
    corpus, rows, front = clips.corpus, clips.corpus_rows, clips.front_end
    if corpus is None or rows is None or front is None:
        raise UsageError("is no corpus", where=clips.name, hint="give a corpus")
    table = corpus.clips.iloc[rows]
    starts = table["start"].to_numpy(dtype=np.float64)
    sections = table["section"].fillna("").str.strip().str.lower().to_numpy(dtype=str)
    songs = song_blocks(clips.mel, clips.songs, starts, frame_rate(front), sections)
    names, counts = np.unique(clips.songs, return_counts=True)
    several = set(names[counts >= MIN_CLIPS_OF_SONG].tolist())
    return [song for song in songs if song.song in several]


def frame_rate(front: FrontEnd) -> float:
    """Frames per second."""
    return front.sample_rate / front.hop_length


def _measured(compute: Callable[[], FormMeasure]) -> FormMeasure:
    try:
        return compute()
    except InputError as error:
        return FormMeasure(None, reason=str(error))


def _distance(real: Floats, fake: Floats, seed: int) -> FormMeasure:
    """Between the mean curves ``[N, L]`` of songs."""

    def compute() -> FormMeasure:
        if real.size == 0 or fake.size == 0:
            raise InputError("no lag or part is known of all songs", hint="give longer songs")
        result = curve_distance(real, fake, seed)
        return FormMeasure(result.value, result.ci, result.floor, result.n, result.seed)

    return _measured(compute)


def _mean(real: Floats, fake: Floats, what: str = "known of") -> FormMeasure:
    """The mean over songs beside that of real songs."""

    def compute() -> FormMeasure:
        for values, name in ((real, "real"), (fake, "synthetic")):
            count = int(np.isfinite(values).sum())
            if count < MIN_WHOLE_SONGS:
                raise InputError(f"{what} {count or 'none'} of the {name} songs, of {MIN_WHOLE_SONGS} that it takes")
        its = mean_beside_real(real, fake)
        difference = Estimate(its.difference, its.difference_ci)
        return FormMeasure(its.value, its.ci, its.real, its.n, floor_ci=its.real_ci, difference=difference)

    return _measured(compute)


def _looping(real: Floats, fake: Floats) -> FormMeasure:
    """Share of songs whose strongest period is stronger than those of real songs."""
    if 1 / (1 + len(real)) > LOOPS_BELOW:
        needed = round(1 / LOOPS_BELOW) - 1
        return FormMeasure(None, reason=f"{len(real)} real songs say of no song that it loops: {needed} would")
    looping = [share_as_high(real, depth) <= LOOPS_BELOW for depth in fake]
    itself = [share_as_high(np.delete(real, row), depth) <= LOOPS_BELOW for row, depth in enumerate(real)]
    shares = [stats.binomtest(sum(its), len(its)) for its in (itself, looping)]
    low, high = shares[1].proportion_ci()
    floor = shares[0].proportion_ci()
    return FormMeasure(
        shares[1].statistic,
        (float(low), float(high)),
        shares[0].statistic,
        (len(real), len(fake)),
        floor_ci=(float(floor[0]), float(floor[1])),
    )


def _loops(real: Floats, fake: SongNumbers) -> tuple[Loop, ...]:
    """The songs that loop, the strongest first."""
    found = [
        Loop(song.song, period.seconds, period.depth, share_as_high(real, period.depth))
        for song, period in zip(fake.songs, fake.periods, strict=True)
    ]
    looping = [loop for loop in found if loop.p <= LOOPS_BELOW]
    return tuple(sorted(looping, key=lambda loop: -loop.depth)[:MAX_LOOPS])


def _emotion_spread(predictions: EmotionPredictions | None, songs: np.ndarray) -> dict[str, FormMeasure]:
    """Standard deviation within a song of each predicted axis, the mean over songs."""
    if predictions is None:
        reason = "needs a regressor (--regressor RUN, or a labelled corpus as REAL), and conditions that vary"
        return {f"{axis}_spread": FormMeasure(None, reason=reason) for axis in AXES}
    real = spread_within_songs(predictions.real, predictions.held_out.songs)
    fake = spread_within_songs(predictions.fake, songs)
    return {f"{axis}_spread": _mean(real[:, k], fake[:, k]) for k, axis in enumerate(AXES)}


def spread_within_songs(values: Floats, songs: np.ndarray) -> Floats:
    """Standard deviation over the clips of each song with two or more ``[S, 2]``, from rows ``[N, 2]``."""
    names, counts = np.unique(songs, return_counts=True)
    spreads = [values[songs == song].std(axis=0, ddof=1) for song in names[counts >= MIN_CLIPS_OF_SONG]]
    return np.array(spreads) if spreads else np.zeros((0, values.shape[1]))


def _curve(at: Floats, real: Floats, fake: Floats) -> FormCurve | None:
    """Means of curves ``[N, L]`` at each place with Student's intervals."""
    if not len(at) or min(len(real), len(fake)) < 2:
        return None
    (first, first_ci), (second, second_ci) = _means(real), _means(fake)
    return FormCurve(tuple(at.tolist()), first, first_ci, second, second_ci)


def _means(rows: Floats) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:
    """Means of columns, and their intervals."""
    reach = stats.t.ppf(0.975, len(rows) - 1) * rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
    mean = rows.mean(axis=0)
    return tuple(mean.tolist()), tuple(zip((mean - reach).tolist(), (mean + reach).tolist(), strict=True))
