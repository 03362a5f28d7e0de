"""Genres as data sets spell them, mapped to the five of the study: pop, electronic, classical, rock and other.

``other`` is music of a known genre that is none of the four (jazz, blues, folk, country, soul, hip-hop, world …); what
is no genre (experimental, instrumental, acoustic, n/a) decides nothing. Where several are joined, as in
``Pop-Electronic-Rock``, the first that :data:`TABLE` knows decides: it is the one the song was chosen for.
"""

from __future__ import annotations

import re

STUDY: dict[str, str] = {
    "pop": "pop, poprock, synthpop, electropop, indiepop, dance, disco",
    "electronic": "electronic, electronica, electro, techno, house, trance, ambient, idm, dub, dubstep, drumnbass, triphop",
    "classical": "classical, orchestral, opera, chamber",
    "rock": "rock, hardrock, indierock, postrock, alternative, punk, metal, grunge",
    "other": "blues, jazz, country, folk, soul, soulrb, rb, rnb, funk, hiphop, rap, reggae, ska, gospel, latin, international, "
    "world, ethno, celtic, chanson, easylistening, lounge, groove, newage, singersongwriter, songwriter, oldtime, soundtrack",
}
"""The genres of DEAM's three metadata files and of emoMusic, and common ones beside them, by the study's."""

TABLE: dict[str, str] = {raw: genre for genre, names in STUDY.items() for raw in names.split(", ")}
"""The study's genre by raw name, without case, blanks and signs."""

JOINED = re.compile(
    r"(?<=hip)-(?=hop)|(?<=trip)-(?=hop)|(?<=soul)-(?=r&?n?b)|(?<=singer)[-/](?=songwriter)|(?<=new)-(?=age)"
)
"""Hyphens and strokes within one name; all others part names."""


def study(*raw: str) -> str:
    """The study's genre of a song with these raw genres, ``""`` where they are none that :data:`TABLE` knows."""
    for text in raw:
        for name in re.split(r"[-/,;|]", JOINED.sub("", text.casefold())):
            genre = TABLE.get(re.sub(r"[\W_]", "", name))
            if genre:
                return genre
    return ""
