"""Maps genres as data sets spell them to the five of the study: pop, electronic, classical, rock and other.

``other`` is music of a known genre besides the four (jazz, blues, folk, country, soul, hip-hop, world …); words that
are not genres (experimental, instrumental, acoustic, n/a) are ignored. Where several are joined, as in
``Pop-Electronic-Rock``, the first one in :data:`TABLE` decides.
"""

from __future__ import annotations

import re

STUDY: dict[str, tuple[str, ...]] = {
    "pop": ("pop", "pop rock", "synthpop", "electropop", "indie pop", "dance", "disco"),
    "electronic": (
        *("electronic", "electronica", "electro", "techno", "house", "trance", "ambient", "idm"),
        *("dub", "dubstep", "drum n bass", "trip-hop"),
    ),
    "classical": ("classical", "orchestral", "opera", "chamber"),
    "rock": ("rock", "hard rock", "indie rock", "post rock", "alternative", "punk", "metal", "grunge"),
    "other": (
        *(
            "blues",
            "jazz",
            "country",
            "folk",
            "soul",
            "soul r&b",
            "r&b",
            "rnb",
            "funk",
            "hip-hop",
            "rap",
            "reggae",
            "ska",
        ),
        *("gospel", "latin", "international", "world", "ethno", "celtic", "chanson", "easy listening", "lounge"),
        *("groove", "new age", "singer/songwriter", "soundtrack"),
    ),
}
"""Genres in DEAM's and emoMusic's metadata and other common ones, by the study's genre."""


def _plain(name: str) -> str:
    """A name in lower case, without blanks and punctuation, for comparison."""
    return re.sub(r"[\W_]", "", name.casefold())


TABLE: dict[str, str] = {_plain(name): genre for genre, names in STUDY.items() for name in names}
"""The study's genre by plain name."""

JOINED = re.compile(r"(?<=hip)-(?=hop)|(?<=trip)-(?=hop)|(?<=singer)[-/](?=songwriter)|(?<=new)-(?=age)")
"""Hyphens and strokes within one name; all others part names."""


def study(*raw: str) -> str:
    """The study's genre of a song with these raw genres, ``""`` where none of them is in :data:`TABLE`.

    Example:
        >>> study("Experimental-Pop-Rock")
        'pop'
    """
    for text in raw:
        for name in re.split(r"[-/,;|]", JOINED.sub("", text.casefold())):
            if genre := TABLE.get(_plain(name)):
                return genre
    return ""
