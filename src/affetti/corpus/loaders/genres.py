"""Genres as data sets spell them, mapped to the five of the study: pop, electronic, classical, rock and other.

``other`` is music of a known genre that is none of the four (jazz, blues, folk, country, soul, hip-hop, world …); what
is no genre (experimental, instrumental, acoustic, n/a) decides nothing. Where several are joined, as in
``Pop-Electronic-Rock``, the first that :data:`TABLE` knows decides.
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
"""The genres of DEAM's metadata and of emoMusic, and common ones beside them, by the study's."""


def _plain(name: str) -> str:
    """A name as it is compared: without case, blanks and signs."""
    return re.sub(r"[\W_]", "", name.casefold())


TABLE: dict[str, str] = {_plain(name): genre for genre, names in STUDY.items() for name in names}
"""The study's genre by plain name."""

JOINED = re.compile(r"(?<=hip)-(?=hop)|(?<=trip)-(?=hop)|(?<=singer)[-/](?=songwriter)|(?<=new)-(?=age)")
"""Hyphens and strokes within one name; all others part names."""


def study(*raw: str) -> str:
    """The study's genre of a song of these raw genres, ``""`` where :data:`TABLE` knows none of them."""
    for text in raw:
        for name in re.split(r"[-/,;|]", JOINED.sub("", text.casefold())):
            if genre := TABLE.get(_plain(name)):
                return genre
    return ""
