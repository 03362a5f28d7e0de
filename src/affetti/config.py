"""Configuration: frozen dataclasses in, TOML or JSON files in and out.

Layers, the later winning: the defaults of a dataclass, a preset, the file given by ``--config``, the flags. What was
resolved is written to a run's ``config.json``, and that file is accepted back by ``--config``.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cattrs
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_structure_fn
from cattrs.strategies import configure_union_passthrough

from affetti.errors import StorageError, UsageError
from affetti.presets import ConstantQFrontEnd, FrontEnd, MelFrontEnd
from affetti.storage import expand_home, parse, read_text

T = TypeVar("T")


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, unstruct_collection_overrides={tuple: list})

    def structure_hook(kind: type[Any]) -> Any:
        return make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)

    converter.register_structure_hook_factory(dataclasses.is_dataclass, structure_hook)
    converter.register_unstructure_hook(Path, str)
    converter.register_structure_hook(Path, lambda value, _: expand_home(value))
    # cattrs would convert: "64" to 64, 64.7 to 64, "no" to True.
    for kind, allowed in ((bool, (bool,)), (int, (int,)), (float, (int, float)), (str, (str,))):
        converter.register_structure_hook(kind, partial(_exactly, allowed=allowed))
    converter.register_structure_hook_func(lambda kind: kind is FrontEnd, _structure_front_end)
    converter.register_unstructure_hook_func(lambda kind: kind is FrontEnd, FrontEnd.to_dict)
    configure_union_passthrough(str | bool | int | float | None, converter)
    return converter


def _exactly(value: Any, kind: type, allowed: tuple[type, ...]) -> Any:
    if type(value) not in allowed:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return kind(value)


def _front_end_kind(values: Mapping[str, Any]) -> type[FrontEnd]:
    return ConstantQFrontEnd if "n_bins" in values else MelFrontEnd


def _structure_front_end(values: Mapping[str, Any], _: type[FrontEnd]) -> FrontEnd:
    return _CONVERTER.structure(values, _front_end_kind(values))


_CONVERTER = _converter()


def read(path: Path) -> dict[str, Any]:
    """Read a TOML or JSON configuration file as a dictionary.

    Raises:
        StorageError: the file is missing or cannot be parsed.
        UsageError: it is neither ``.toml`` nor ``.json``, or does not hold a table.
    """
    text = read_text(path)
    if path.suffix not in (".toml", ".json"):
        raise UsageError(f"unknown kind of configuration {path.suffix!r}", where=path, hint="use .toml or .json")
    try:
        values: Any = parse(text, tomllib.loads if path.suffix == ".toml" else json.loads)
    except ValueError as error:
        raise StorageError(f"not valid ({error})", where=path, hint="correct the file") from error
    if not isinstance(values, dict):
        raise UsageError("not a table of settings", where=path, hint="write one setting a line: name = value")
    return values


def structure(values: dict[str, Any], kind: type[T], where: str | Path = "--config") -> T:
    """Build the dataclass ``kind`` from a dictionary, refusing keys and types it does not know.

    Raises:
        UsageError: a key is unknown (the nearest known one is named) or a value has the wrong type.
    """
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    require_known(values, known, where)
    try:
        return _CONVERTER.structure(values, kind)
    except (BaseValidationError, TypeError, ValueError) as error:
        reason = "; ".join(cattrs.transform_error(error)) if isinstance(error, BaseValidationError) else str(error)
        raise UsageError(f"wrong setting: {reason}", where=where, hint="correct its type or value") from error


def front_end(values: Mapping[str, Any], where: str | Path = "--config") -> FrontEnd:
    """Build the front-end that a dictionary describes; its keys show its kind.

    Raises:
        UsageError: as :func:`structure`, or it is impossible.
    """
    return structure(dict(values), _front_end_kind(values), where)


def require_known(keys: Iterable[str], known: Collection[str], where: str | Path) -> None:
    """Refuse settings that are not among ``known``.

    Raises:
        UsageError: names the first, and the known one nearest to it.
    """
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it may hold {', '.join(sorted(known))}"
            raise UsageError(f"unknown setting {key!r}", where=where, hint=hint)


def unstructure(value: Any) -> Any:
    """Turn a dataclass into plain JSON types."""
    return _CONVERTER.unstructure(value)


def layered(kind: type[T], *layers: dict[str, Any], where: str | Path = "--config") -> T:
    """Build ``kind`` from layers of settings over its defaults; later layers win, ``None`` means "not given"."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update({key: value for key, value in layer.items() if value is not None})
    return structure(merged, kind, where)
