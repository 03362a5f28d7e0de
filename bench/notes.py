"""What a representation shows of harmony: key, mode, chords and chroma of composed songs against the composer's.

    python bench/notes.py

48 songs in all twelve keys, of a composer's seed that nothing was chosen on, by the question `harmony` of `affetti
audit` (:mod:`affetti.studies.audit.probes.harmony_recognition`). About a minute.
"""

from __future__ import annotations

from affetti import compose
from affetti.progress import silent
from affetti.studies.audit.answer import format_measurement
from affetti.studies.audit.codec.notes import REPRESENTATIONS
from affetti.studies.audit.probes.harmony_recognition import MEASURES, harmony_recognition

SEED, SONGS = 4711, 48


def main() -> None:
    """Print the table."""
    songs = [compose.compose(SEED, index, keys=12) for index in range(SONGS)]
    by_name = {each.name: each for each in harmony_recognition(songs, silent)}
    print(f"| {SONGS} songs | {' | '.join(words for words, _ in MEASURES.values())} |")
    print("|---|" + "---|" * len(MEASURES))
    for name, words in REPRESENTATIONS.items():
        cells = [
            format_measurement(by_name[f"{measure}_{name}"], 0 if unit else 2)
            for measure, (_, unit) in MEASURES.items()
        ]
        print(f"| {words} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
