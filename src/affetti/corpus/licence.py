"""What follows from the licence of the data for those who use or share what is made from it.

The licence of a corpus is the text that its data set states, or what is known of it. It is inherited: a model was
trained on the data, and what it generates can resemble it. The sentences here repeat what the text says in plain words;
they are no legal advice, and whether a trained model is a derived work differs from country to country.
"""

from __future__ import annotations

import re

NON_COMMERCIAL = re.compile(r"\bNC\b|non-?commercial", re.IGNORECASE)
SHARE_ALIKE = re.compile(r"\bSA\b|share-?alike", re.IGNORECASE)
NO_DERIVATIVES = re.compile(r"\bND\b|no-?deriv", re.IGNORECASE)
RESEARCH = re.compile(r"for research", re.IGNORECASE)
EACH_ITS_OWN = re.compile(r"each its own|licence each", re.IGNORECASE)
UNDECLARED = re.compile(r"none stated|the user's own|unknown|not given", re.IGNORECASE)
GPL = re.compile(r"\bGPL", re.IGNORECASE)


def obligations(licence: str | None) -> tuple[str, ...]:
    """What a licence asks for, a sentence each; empty where it asks for nothing.

    Example:
        >>> obligations("CC BY-NC-SA 4.0")
        ('not for commercial use', 'share under the same licence only')
        >>> obligations("the user's own")
        ('no licence is declared: ask the owners of the music before you share anything',)
        >>> obligations("CC0")
        ()
    """
    text = (licence or "").strip()
    if not text:
        return ("no licence is declared: ask the owners of the music before you share anything",)
    rules = (
        (UNDECLARED, "no licence is declared: ask the owners of the music before you share anything"),
        (NON_COMMERCIAL, "not for commercial use"),
        (RESEARCH, "for research only"),
        (SHARE_ALIKE, "share under the same licence only"),
        (NO_DERIVATIVES, "do not share what is derived from it"),
        (EACH_ITS_OWN, "each recording has a licence of its own: check those that you share"),
        (GPL, "the sound was made with a soundfont under the GPL: name it when you share sound; scores are free"),
    )
    return tuple(sentence for pattern, sentence in rules if pattern.search(text))
