"""From spelling to syllables: what a voice has to sing, in ARPAbet phones.

An ordered table of spelling rules (the first that fits the rest of a word wins) gives phones; each vowel or diphthong
makes a syllable, and of the consonants between two of them the last goes with the second. Words that sing often and
obey no rule are listed.

Do not use it to transcribe English: a dictionary does that. It errs on what the rules do not know, and has neither
stress nor reduced vowels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

DIPHTHONGS: dict[str, tuple[str, str]] = {
    "ey": ("eh", "iy"),
    "ay": ("aa", "iy"),
    "ow": ("ao", "uw"),
    "aw": ("aa", "uw"),
    "oy": ("ao", "iy"),
}
"""Where a diphthong starts and ends."""
VOWELS = frozenset({"iy", "ih", "eh", "ae", "aa", "ao", "uh", "uw", "ah", "er"})
"""The ten vowels of Peterson & Barney (1952)."""

RULES: tuple[tuple[str, str], ...] = (
    # Endings.
    (r"e$", ""),
    (r"(?<=[bcdfgkpstz])le$", "ah l"),
    (r"es$", "z"),
    (r"ous$", "ah s"),
    (r"tion", "sh ah n"),
    (r"(?<=[bdglmnrv])s$", "z"),
    (r"ful$", "f ah l"),
    (r"y$", "iy"),
    (r"(?<=^[bdr])e(?=[^aeiouy][aeiou])", "ih"),
    # A vowel before r.
    (r"are$|air|eir", "eh r"),
    (r"e(?=rr[aeiouy])", "eh"),
    (r"our", "ao r"),
    (r"ire", "ay er"),
    # A vowel before one consonant and a silent e is long.
    (r"a(?=[bcdfgklmnpstvz]e$)", "ey"),
    (r"i(?=[bcdfgklmnpstvz]e$)", "ay"),
    (r"o(?=[bcdfgklmnpstvz]e$)", "ow"),
    (r"u(?=[bcdfgklmnpstvz]e$)", "uw"),
    (r"a(?=per|ble)", "ey"),
    # Groups of vowels.
    (r"igh", "ay"),
    (r"augh", "ae f"),
    (r"eau", "y uw"),
    (r"e[ae]r", "iy r"),
    (r"e[aey]", "iy"),
    (r"ew|oo|ui|ue", "uw"),
    (r"ou|ow$", "aw"),
    (r"ow", "ow"),
    (r"ai|ay|eigh|ei", "ey"),
    (r"oa", "ow"),
    (r"oi|oy", "oy"),
    (r"au|aw", "ao"),
    (r"ie|i(?=[aou])", "iy"),
    (r"ar", "aa r"),
    (r"a(?=l[klm])", "aa"),
    (r"or", "ao r"),
    (r"er|ir|ur", "er"),
    (r"a", "ae"),
    (r"e", "eh"),
    (r"i", "ih"),
    (r"o$", "ow"),
    (r"o", "aa"),
    (r"u", "ah"),
    (r"(?<=[bcdfghjklmnpqrstvwxz])y", "ih"),
    # Consonants.
    (r"sh", "sh"),
    (r"tch|ch", "ch"),
    (r"ph", "f"),
    (r"th", "th"),
    (r"dge|g(?=[eiy])", "jh"),
    (r"ng", "ng"),
    (r"ck", "k"),
    (r"qu", "k w"),
    (r"wr|rh|rr?", "r"),
    (r"wh", "w"),
    (r"kn", "n"),
    (r"c(?=[eiy])", "s"),
    (r"x", "k s"),
    (r"s(?=e$|y$)", "z"),
    (r"bb?", "b"),
    (r"dd?", "d"),
    (r"ff?", "f"),
    (r"gg?", "g"),
    (r"ll?", "l"),
    (r"mm?", "m"),
    (r"nn?", "n"),
    (r"pp?", "p"),
    (r"ss?", "s"),
    (r"tt?", "t"),
    (r"zz?", "z"),
    (r"cc?|k", "k"),
    (r"h", "hh"),
    (r"j", "jh"),
    (r"v", "v"),
    (r"w", "w"),
    (r"y", "y"),
)
"""Spelling and phones, in order of precedence."""

LISTED: dict[str, str] = {
    "the": "dh ah",
    "they": "dh ey",
    "i": "ay",
    "my": "m ay",
    "you": "y uw",
    "with": "w ih dh",
    "all": "ao l",
    "oh": "ow",
    "ah": "aa",
    "love": "l ah v",
    "die": "d ay",
    "wonder": "w ah n d er",
    "wonderful": "w ah n d er f ah l",
    "misery": "m ih z er iy",
    "miserable": "m ih z er ah b ah l",
    "distance": "d ih s t ah n s",
    "walk": "w ao k",
    "water": "w ao t er",
    "warm": "w ao r m",
    "worry": "w er iy",
    "hopeless": "hh ow p l ah s",
    "wander": "w aa n d er",
    "window": "w ih n d ow",
    "windows": "w ih n d ow z",
    "shadows": "sh ae d ow z",
    "sorrow": "s aa r ow",
    "yellow": "y eh l ow",
    "cold": "k ow l d",
    "music": "m y uw z ih k",
    "heavy": "hh eh v iy",
    "death": "d eh th",
    "dreadful": "d r eh d f ah l",
    "friendship": "f r eh n d sh ih p",
    "sign": "s ay n",
    "wooden": "w uh d ah n",
    "ruined": "r uw ih n d",
    "common": "k aa m ah n",
}
"""Words that no rule gets right."""


@dataclass(frozen=True)
class Syllable:
    """Consonants, one vowel (a diphthong stays one here), consonants: phones in ARPAbet."""

    onset: tuple[str, ...]
    nucleus: str
    coda: tuple[str, ...]


def syllables(text: str) -> list[Syllable]:
    """The syllables of a text, in order; what is not a letter separates words, a word without a vowel is skipped."""
    return [syllable for word in re.findall(r"[a-z]+", text.lower()) for syllable in _word(word)]


def phones(word: str) -> list[str]:
    """A word of letters ``a`` to ``z`` in ARPAbet."""
    if word in LISTED:
        return LISTED[word].split()
    sounds: list[str] = []
    at = 0
    while at < len(word):
        for spelling, sound in _COMPILED:
            match = spelling.match(word, at)
            if match is not None:
                # A final e is mute unless it is all the vowel there is.
                sounds += ["iy"] if not sound and not _SUNG.intersection(sounds) else sound.split()
                at = match.end()
                break
        else:
            at += 1
    return sounds


_COMPILED = tuple((re.compile(spelling), sound) for spelling, sound in RULES)
_SUNG = VOWELS | DIPHTHONGS.keys()


@lru_cache(maxsize=1024)
def _word(word: str) -> tuple[Syllable, ...]:
    sounds = phones(word)
    places = [i for i, sound in enumerate(sounds) if sound in _SUNG]
    result: list[Syllable] = []
    start = 0
    for number, place in enumerate(places):
        following = places[number + 1] if number + 1 < len(places) else len(sounds) + 1
        end = max(place + 1, following - 1)
        result.append(Syllable(tuple(sounds[start:place]), sounds[place], tuple(sounds[place + 1 : end])))
        start = end
    return tuple(result)
