"""Audible excerpts of a corpus: the middle seconds of clips, at the rate of the named front-ends.

Measurements on sound take time per second of audio; six seconds hold enough frames for every statistic, and all
methods get the same six.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from affetti.presets import front_end
from affetti.signal.audio import is_silent
from affetti.studies.audit.answer import NotMeasurableError
from affetti.studies.audit.context import AuditContext

SECONDS = 6.0
HOP = front_end("paper").hop_length
MIN_SAMPLES = 8_192
"""Samples: twice the longest window of :mod:`affetti.signal.fidelity`."""


def excerpts(context: AuditContext, n: int) -> Iterator[tuple[int, Tensor]]:
    """Rows of at most ``n`` clips, with the sound of each: ``[T]``, T the same for all and a multiple of :data:`HOP`.

    Clips that are silent or cut short are skipped.

    Raises:
        NotMeasurableError: the corpus has no sound, none at the rate of the named front-ends, or silence alone.
    """
    rate = front_end("paper").sample_rate
    if context.front_end.sample_rate != rate:
        raise NotMeasurableError(f"sound at {rate} samples a second: prepare the corpus with --front-end tiny or paper")
    size = min(context.front_end.samples, round(SECONDS * rate)) // HOP * HOP
    if size < MIN_SAMPLES:
        raise NotMeasurableError(f"clips of at least {MIN_SAMPLES / rate:.1f} s")
    any_audible = False
    for row in context.select_rows(n).tolist():
        wave = context.waveform(row)
        first = (len(wave) - size) // 2
        if first >= 0 and not is_silent(wave[first : first + size].numpy()):
            any_audible = True
            yield row, wave[first : first + size]
    if not any_audible:
        raise NotMeasurableError("clips that are not silent")
