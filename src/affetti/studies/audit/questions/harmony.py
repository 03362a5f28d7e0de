"""What a log-mel loses of harmony: chroma, chords, mode and key, and what that costs a regressor of emotion.

Three parts: what is recognised of the harmony that the composer wrote, from each representation of composed songs
(:mod:`~affetti.studies.audit.probes.harmony_recognition`); what harmony adds to a regressor of this corpus' emotions
(:mod:`~affetti.studies.audit.probes.harmony_gain`); and what generated clips keep of it
(:mod:`~affetti.studies.audit.probes.generated_harmony`).

When not to use: as a limit of what networks can do. Recognition adds up what a representation shows at the frequencies
of notes; a network may infer more, and with few songs finds less.
"""

from __future__ import annotations

from collections.abc import Mapping

from affetti.progress import Progress
from affetti.studies.audit.answer import Answer, IntervalFigure, Measurement, NotMeasurableError, format_measurement
from affetti.studies.audit.codec.notes import REPRESENTATIONS
from affetti.studies.audit.context import AuditContext
from affetti.studies.audit.probes import harmony_gain, linear_probe
from affetti.studies.audit.probes.generated_harmony import generated_harmony
from affetti.studies.audit.probes.harmony_recognition import harmony_recognition
from affetti.studies.audit.question import Question

N_SONGS, N_SONGS_QUICK = 48, 8
MAX_CLIPS, MAX_CLIPS_QUICK = 960, 160


def measure(context: AuditContext, progress: Progress) -> Answer:
    """Answer the question; where there is no sound, for composed songs and log-mels alone."""
    songs = context.compose_in_all_keys(context.sample_size(N_SONGS, N_SONGS_QUICK))
    measurements = harmony_recognition(songs, progress)
    try:
        rows = context.select_rows(context.sample_size(MAX_CLIPS, MAX_CLIPS_QUICK))
        measurements += harmony_gain.harmony_gain(context, rows, progress)
    except NotMeasurableError as lack:
        measurements += harmony_gain.missing_measurements(lack.needs)
    measurements += generated_harmony(context, progress)
    by_name = {measurement.name: measurement for measurement in measurements}
    return Answer(
        _sentence(by_name),
        tuple(measurements),
        intervals=IntervalFigure(
            "Bars whose chord is recognised, %", tuple(f"chord_{name}" for name in REPRESENTATIONS)
        ),
        cautions=_cautions(context, by_name),
    )


def _sentence(by_name: Mapping[str, Measurement]) -> str:
    tonic, chord = (
        {name: format_measurement(by_name[f"{what}_{name}"], 0) for name in ("cqt", "mel_128", "mel_64")}
        for what in ("tonic", "chord")
    )
    recognised = (
        f"Of composed songs the tonic is recognised in {tonic['cqt']} from a constant-Q transform, {tonic['mel_128']} "
        f"from 128 mel bands and {tonic['mel_64']} from 64, the chord of a bar in {chord['cqt']}, {chord['mel_128']} "
        f"and {chord['mel_64']}."
    )
    added = by_name["harmony_adds_valence"]
    if added.value is None:
        return recognised
    return (
        f"{recognised} On this corpus harmony adds {format_measurement(added, 1)} of the variance of valence to the "
        f"{format_measurement(by_name['mel_explains_valence'], 1)} that the log-mel explains."
    )


def _cautions(context: AuditContext, by_name: Mapping[str, Measurement]) -> tuple[str, ...]:
    songs = by_name["tonic_cqt"].n
    cautions = [
        _truth_caution(songs, composed=context.composed),
        (
            "Recognition adds up what a representation shows at the frequencies of notes, the same way for all: a "
            "lower bound: overtones and their course in time may say more. A song without a recognised key is wrong."
        ),
        "Chance is 8 % for a tonic, 50 % for a mode and 4 % for a chord.",
        (
            "A gain from harmony is that of a linear regressor with numbers relative to a tonic; part of it is that "
            "the regressor need not learn what a tonic is, and not what the log-mel lacks."
        ),
    ]
    if by_name["harmony_adds_valence"].value is not None:
        cautions.append(linear_probe.CAUTION_FIXED_FITS)
    if context.generated:
        cautions.append(
            "Generated clips are seen as log-mels; how far valence shows in their harmony is to be compared with real "
            "clips seen the same way."
        )
    if context.composed:
        cautions.append("The mode is a cue that the composer plants: what harmony adds here says nothing of listeners.")
    return tuple(cautions)


def _truth_caution(songs: int, *, composed: bool) -> str:
    own = "" if composed else ", since nobody has written down those of this corpus"
    return f"Keys, modes and chords are those of {songs} songs composed for it in twelve keys{own}."


QUESTION = Question(
    "harmony",
    "What does a log-mel lose of harmony, and what does that cost a regressor of emotion?",
    "Songs composed in twelve keys, whose key, modes and chords are known, are seen as constant-Q transform, as STFT "
    "of 2,048 samples, as 256, 128 and 64 mel bands and as two linear latents fitted to other songs. From each, "
    "magnitudes at the notes from C1 to B7 are folded into twelve pitch classes; a key is the one of 24 whose "
    "profiles (Krumhansl & Kessler, Albrecht & Shanahan) go best with the song's windows, the mode of a section the "
    "better one at the composer's tonic, a bar's chord the triad of 24 that goes best with it. On the corpus' own "
    "clips, ridge regression predicts emotion out of fold (by song) from log-mel statistics, from these joined by 42 "
    "numbers of harmony of the sound, and from chroma relative to the tonic as each representation shows it. "
    "Generated clips: key strength of log-mels, and the correlation of valence predicted from their harmony with the "
    "condition, beside real clips.",
    measure,
)
