"""Audits of recordings and of pairs as text for a terminal."""

from __future__ import annotations

from affetti.errors import one_line
from affetti.report.recordings import pair_rows
from affetti.report.wording import number, signed
from affetti.studies.audit.recordings.result import PairResult, PredictedEmotion, RecordingAudit, RecordingsResult


def recordings_text(result: RecordingsResult) -> str:
    """A table of stages for each recording."""
    blocks = ["\n".join(_lines(audit)) for audit in result.recordings if audit.error is None]
    return "\n\n".join([*blocks, *_page(result.page)])


def pair_text(result: PairResult) -> str:
    """The measures of a pair, a line each."""
    lines = [f"{one_line(result.first.path)} and {one_line(result.second.path)}: {result.seconds:.1f} s of both"]
    lines += [
        f"  {what:<30} {number(value):>8} {unit:<3} {meaning}".rstrip()
        for what, value, unit, meaning in pair_rows(result)
        if value is not None
    ]
    for recording in (result.first, result.second):
        if recording.emotion is not None:
            lines.append(f"  {one_line(recording.path)}: {_emotion(recording.emotion)}")
    return "\n".join([*lines, *_page(result.page)])


def _lines(audit: RecordingAudit) -> list[str]:
    level = "below -70 LUFS" if audit.loudness is None else f"{audit.loudness:.1f} LUFS"
    lines = [
        f"{one_line(audit.path)}: {audit.seconds:.1f} s from {audit.start:.1f} s on, {level}, {audit.onsets} onsets",
        f"  {'stage':<20} {'numbers/s':>10} {'bits/s':>9} {'kept, %':>8} {'onsets, %':>10} {'SI-SDR, dB':>11}",
    ]
    for stage in audit.stages:
        row = (
            f"  {stage.label:<20} {stage.numbers:>10,.0f} {stage.bits:>9,.0f} {stage.retention:>8.1f} "
            f"{number(stage.sharpness, 0):>10} {stage.si_sdr:>11.1f}"
        )
        lines.append(f"{row}  {_emotion(stage.emotion)}".rstrip() if stage.emotion else row)
    return lines


def _emotion(emotion: PredictedEmotion) -> str:
    return f"valence {signed(emotion.valence)}, arousal {signed(emotion.arousal)}"


def _page(page: str | None) -> list[str]:
    return [] if page is None else [f"page: {page}"]
