"""A blend of regressors: what it is made of, and how well it agrees with listeners.

The prediction on each axis is an offset plus a weighted sum of what the members predict. A blend is a folder:
``blend.json`` beside the run folder of each member. The hash of every member's weights is in ``blend.json``, so that
members exchanged or damaged are refused.

When not to use: for regressors of one kind trained on the same clips; average their weights, or train one for longer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from affetti import config
from affetti.errors import MismatchError, StorageError, UsageError, printable
from affetti.results import Estimate
from affetti.storage import is_file, read_json, write_json

FILE = "blend.json"
FORMAT, VERSION = "affetti-blend", 1

Pair = tuple[float, float]
"""Valence, arousal."""


@dataclass(frozen=True)
class Member:
    """A regressor of the blend."""

    run: str
    """Its run folder, within that of the blend."""
    weights_sha256: str
    weight: Pair
    """What its prediction is multiplied by."""


@dataclass(frozen=True)
class ListenerAgreement:
    """How well the blend agrees with people on music that it was not trained on."""

    corpus: str
    """Which music, and whose ratings."""
    songs: int
    measure: str
    """What :attr:`valence` and :attr:`arousal` are, such as ``r``."""
    valence: Estimate
    arousal: Estimate
    coverage: Pair | None = None
    """Share of songs whose rating lies in the interval; None: it was not measured."""

    def describe(self) -> str:
        """One clause of text."""
        numbers = ", ".join(
            f"{axis} {each.value:.2f} [{each.ci[0]:.2f}, {each.ci[1]:.2f}]"
            for axis, each in (("valence", self.valence), ("arousal", self.arousal))
        )
        text = f"{self.corpus}: {self.measure} {numbers}"
        if self.coverage is None:
            return text
        return text + ", inside the intervals {:.0%} and {:.0%}".format(*self.coverage)


@dataclass(frozen=True)
class Blend:
    """The content of ``blend.json``."""

    members: tuple[Member, ...]
    offset: Pair
    half_width: Pair
    """Of its interval."""
    interval_level: float
    """Nominal coverage of the interval on music like that which it was trained on."""
    label_scale: str
    about: str
    """What it was trained on, in a few words."""
    agreement: tuple[ListenerAgreement, ...] = ()
    advice: str = ""
    """How to train a better one."""

    def describe(self) -> str:
        """One line: what it is, how well it agrees with listeners, how to train a better one."""
        agreement = "; ".join(each.describe() for each in self.agreement)
        parts = [self.about, f"agreement with listeners on {agreement}" if agreement else "", self.advice]
        return ". ".join(part for part in parts if part)


def is_blend(folder: Path) -> bool:
    """Whether a blend lies in ``folder``."""
    return is_file(folder / FILE)


def save_blend(folder: Path, blend: Blend) -> None:
    """Write ``blend.json`` beside the members' run folders."""
    write_json(folder / FILE, {"format": FORMAT, "version": VERSION, **config.unstructure(blend)})


def open_blend(folder: Path) -> Blend:
    """Read ``blend.json``, and check that the members' weights are those it describes.

    Raises:
        StorageError: a file is missing, cut short or not a blend's, or what it holds cannot predict.
        MismatchError: another version wrote it, or a member has other weights.
    """
    file = folder / FILE
    document = read_json(file)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StorageError("not a blend of affetti", where=file, hint="check the path")
    if document.get("version") != VERSION:
        raise MismatchError(
            f"blend format {document.get('version')}, this affetti reads {VERSION}", where=file, hint="make it again"
        )
    content = {key: value for key, value in document.items() if key not in ("format", "version")}
    try:
        blend = config.structure(content, Blend, file)
    except UsageError as error:
        raise StorageError(f"damaged ({error.what})", where=file, hint="make it again") from error
    fault = _fault(blend)
    if fault is not None:
        raise StorageError(fault, where=file, hint="make it again")
    return blend


def _fault(blend: Blend) -> str | None:
    """What would make its predictions meaningless; None: nothing."""
    names = [member.run for member in blend.members]
    numbers = [*blend.offset, *(weight for member in blend.members for weight in member.weight)]
    if not names:
        return "has no members"
    if len(set(names)) < len(names):
        return "names a member twice"
    for name in names:
        if name in ("", ".", "..") or Path(name).name != name:
            return f"the member {printable(name)!r} is no folder within the blend"
    if not all(math.isfinite(number) for number in numbers):
        return "a weight or the offset is not a finite number"
    if not all(0 <= width < math.inf for width in blend.half_width):
        return "the half-width of an interval is not a number from 0"
    return None if 0 < blend.interval_level < 1 else f"an interval level of {blend.interval_level:g}, not within 0 to 1"


def require_weights(blend: Blend, loaded: Mapping[str, str], folder: Path) -> None:
    """Refuse members whose weights are not those of the blend.

    Args:
        blend: what is expected.
        loaded: the hash of the weights of each member, by its folder's name.
        folder: that of the blend.

    Raises:
        MismatchError: names the first.
    """
    for member in blend.members:
        if loaded[member.run] != member.weights_sha256:
            raise MismatchError(
                f"the weights are not those {FILE} describes", where=folder / member.run, hint="make the blend again"
            )
