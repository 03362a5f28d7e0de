"""The audio files of a folder, listed alike by everything that takes one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from affetti.folders import Listing, list_files, without_links_to_listed
from affetti.signal.audio import AUDIO_SUFFIXES


def list_audio(root: Path) -> Listing:
    """The audio files below ``root``, by their suffix in any case; each recording once, however many links it has.

    Raises:
        StorageError: ``root`` cannot be read.
    """
    listing = list_files(root)
    audio = tuple(file for file in listing.files if file.suffix.lower() in AUDIO_SUFFIXES)
    return replace(listing, files=without_links_to_listed(audio))
