"""A mel inverse fitted on the sound of a corpus's training clips, where the corpus kept it.

It is saved with a generator's weights, so that its clips sound as well as the front-end allows. For a corpus without
audio the default inverse is used, which needs none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affetti.corpus import Corpus
from affetti.corpus.store import audio_file
from affetti.rows import evenly_spaced
from affetti.signal import audio
from affetti.signal.inversion import MelInverse

CLIPS = 48
"""Training clips it is fitted to, evenly spread."""


def fitted_inverse(corpus: Corpus, rows: NDArray[np.intp]) -> MelInverse | None:
    """The inverse fitted to clips ``rows`` of ``corpus``; None where none of their sound is here."""
    chosen = rows[evenly_spaced(len(rows), CLIPS)]
    names = corpus.clips["clip_id"].to_numpy(dtype=str)[chosen].tolist()
    files = [file for file in (audio_file(corpus.path / "audio", name) for name in names) if file.is_file()]
    if not files:
        return None
    front = corpus.front_end
    return MelInverse.fit((audio.load(file, front.sample_rate) for file in files), front)
