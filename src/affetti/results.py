"""Results: what a verb or a study returns, as typed values that are printed as JSON, saved and opened again.

Every result is a frozen dataclass that inherits from :class:`BaseResult`. Its fields are the keys of the JSON document,
so that ``result.quality.score`` in Python is ``quality.score`` in ``result.json``. Parts of a result are frozen
dataclasses too; what a part could not measure is ``None``, never a number that stands for a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from affetti import config
from affetti.errors import StorageError, UsageError
from affetti.storage import read_json, write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = "result.json"


@dataclass(frozen=True)
class BaseResult:
    """What all results share.

    Example:
        >>> @dataclass(frozen=True)
        ... class Count(BaseResult):
        ...     verb: ClassVar[str | None] = "count"
        ...     clips: int
        >>> Count(3).to_dict()
        {'verb': 'count', 'clips': 3}
        >>> Count.from_dict({"verb": "count", "clips": 3})
        Count(clips=3)
    """

    verb: ClassVar[str | None] = None
    """The verb that makes it, as the first key of the document; None where the document has no such key."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of 0.1 and what they are called now, anywhere in the document."""

    @property
    def folder(self) -> Path | None:
        """The folder that it was saved to or opened from; None where it was neither, and for a changed copy."""
        return self.__dict__.get("_folder")

    def to_dict(self) -> dict[str, Any]:
        """The document that ``--json`` prints: plain JSON types, the fields in their order."""
        document = config.unstructure(self)
        return document if self.verb is None else {"verb": self.verb, **document}

    @classmethod
    def from_dict(cls, document: Any, where: str | Path = "result") -> Self:
        """Build the result from a document that :meth:`to_dict` wrote, or affetti 0.1.

        Raises:
            StorageError: a key is missing or unknown, or a value is of the wrong type.
        """
        if not isinstance(document, dict):
            raise StorageError("is not a result of affetti", where=where, hint="give a folder that affetti wrote")
        current = _rename(document, cls.renamed)
        if "verb" not in {field.name for field in fields(cls)}:
            current.pop("verb", None)
        try:
            return config.structure(current, cls, where)
        except UsageError as error:
            raise StorageError(
                f"cannot be read as a result of this version of affetti ({error.what})",
                where=where,
                hint="run the command that made it again",
            ) from error

    def save(self, folder: str | Path) -> Path:
        """Write ``result.json`` into ``folder``; returns the file.

        Raises:
            StorageError: the folder cannot be written.
        """
        path = Path(folder) / FILE
        write_json(path, self.to_dict())
        self._remember(path.parent)
        return path

    def _repr_html_(self) -> str:
        """The result as a notebook shows it: the tables, figures and sounds of the report's section on it.

        What lies beside the result in its :attr:`folder` is shown too, where it is still there.
        """
        from affetti.report.notebook import result_html  # the report draws results, and lies above them

        return result_html(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the result with matplotlib, see :mod:`affetti.report.plots`; returns the axes.

        Args:
            ax: what to draw on; by default a new figure.

        Raises:
            UsageError: results of this type have no picture.
        """
        from affetti.report.plots import plot_result  # as above

        return plot_result(self, ax)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read a result from its folder, or from the file itself.

        Raises:
            StorageError: there is none, it is damaged, or it is of another version or verb.
        """
        path = Path(path)
        file = path / FILE if path.is_dir() else path
        document = read_json(file)
        if cls.verb is not None and isinstance(document, dict) and document.get("verb", cls.verb) != cls.verb:
            raise StorageError(
                f"is a result of affetti {document['verb']}, not of {cls.verb}", where=file, hint="give another folder"
            )
        result = cls.from_dict(document, file)
        result._remember(file.parent)
        return result

    def _remember(self, folder: Path) -> None:
        # Not a field: it is no part of the result, and two results are equal wherever they lie.
        object.__setattr__(self, "_folder", folder.absolute())


@dataclass(frozen=True)
class CorpusResult(BaseResult):
    """The result of a verb that makes a corpus."""

    corpus: str
    """Its folder."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    ci: tuple[float, float]


@dataclass(frozen=True)
class PointEstimate:
    """A number, with its 95 % interval where there are songs enough to give one."""

    value: float
    ci: tuple[float, float] | None = None


def _rename(value: Any, names: Mapping[str, str]) -> Any:
    """``value`` with keys renamed in every mapping within it."""
    if isinstance(value, dict):
        return {names.get(key, key): _rename(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_rename(item, names) for item in value]
    return value
