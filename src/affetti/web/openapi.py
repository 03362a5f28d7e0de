"""The OpenAPI document of the page's API: schemas from the dataclasses that requests and answers are made of."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from affetti import provenance
from affetti.inference.predictor import SongPrediction
from affetti.web.bodies import ComposeBody, RoundBody, SampleBody, SongBody
from affetti.web.catalogue import Catalogue
from affetti.web.rounds import Round
from affetti.web.tasks import Analysis, Piece

PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Any: {},
}
ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"message": {"type": "string"}, "hint": {"type": ["string", "null"]}},
        }
    },
}
JOB = {"type": "object", "properties": {"job": {"type": "string"}, "events": {"type": "string"}}}


@lru_cache(maxsize=1)
def openapi_document() -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    schemas: dict[str, Any] = {"Error": ERROR, "Job": JOB}
    catalogue, piece, analysis, prediction, compose, sample = (
        _schema(kind, schemas) for kind in (Catalogue, Piece, Analysis, SongPrediction, ComposeBody, SampleBody)
    )
    song_body = _schema(SongBody, schemas)
    round_body, _ = _schema(RoundBody, schemas), _schema(Round, schemas)
    job = _reference("Job")
    paths = {
        "/api/v1/plane": _get("What can be requested: words, cues, models, the regressor", catalogue),
        "/api/v1/compose": _post("Compose a piece of an emotion, or along a curve", compose, piece),
        "/api/v1/sample": _post("Sample a clip of a generator", sample, job, "202"),
        "/api/v1/songs": _post("Sample a song of a generator along a curve", song_body, job, "202"),
        "/api/v1/predict": _upload("Predict a recording", job),
        "/api/v1/rounds": _post("A real clip beside a clip of each generator", round_body, job, "202"),
        "/api/v1/reports/{report}": _get("A result as a page", None, "report", "text/html"),
        "/api/v1/jobs/{job}": _get("State of a job, and its result", {"type": "object"}, "job")
        | {"delete": _operation("End a job", None, "204", "job")},
        "/api/v1/jobs/{job}/events": _get("The same as server-sent events", None, "job", "text/event-stream"),
        "/api/v1/sounds/{sound}/analysis": _post(
            "Log-mel, waveform and prediction of a sound", None, analysis, name="sound"
        ),
        "/api/v1/sounds/{sound}.flac": _get("A sound", None, "sound", "audio/flac"),
        "/api/v1/sounds/{sound}.mid": _get("A composed sound as MIDI", None, "sound", "audio/midi"),
    }
    schemas.setdefault("SongPrediction", prediction)
    return {
        "openapi": "3.1.0",
        "info": {"title": "affetti serve", "version": provenance.versions()["affetti"]},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; those of dataclasses are added to ``schemas`` and referred to."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if part is type(None) else _schema(part, schemas) for part in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], schemas)}
    if origin is tuple:
        return {"type": "array", "prefixItems": [_schema(part, schemas) for part in arguments if part is not ...]}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], schemas)}
    if kind.__name__ not in schemas:
        schemas[kind.__name__] = {}  # a type may hold itself
        hints = get_type_hints(kind)
        fields = dataclasses.fields(kind)
        missing = dataclasses.MISSING
        schemas[kind.__name__] = {
            "type": "object",
            "description": (kind.__doc__ or "").strip().splitlines()[0],
            "properties": {field.name: _schema(hints[field.name], schemas) for field in fields},
            "required": [f.name for f in fields if f.default is missing and f.default_factory is missing],
        }
    return _reference(kind.__name__)


def _get(
    summary: str, schema: dict[str, Any] | None, name: str | None = None, media: str = "application/json"
) -> dict[str, Any]:
    return {"get": _operation(summary, schema, "200", name, media)}


def _post(
    summary: str, body: dict[str, Any] | None, schema: dict[str, Any], status: str = "200", name: str | None = None
) -> dict[str, Any]:
    operation = _operation(summary, schema, status, name)
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return {"post": operation}


def _upload(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    operation = _operation(summary, schema, "202", None)
    operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    return {"post": operation}


def _operation(
    summary: str, schema: dict[str, Any] | None, status: str, name: str | None, media: str = "application/json"
) -> dict[str, Any]:
    body = {media: {} if schema is None else {"schema": schema}}
    content = {} if status == "204" else {"content": body}
    error = {"description": "What is wrong", "content": {"application/json": {"schema": _reference("Error")}}}
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {status: {"description": summary} | content, "4XX": error, "503": error},
    }
    if name is not None:
        operation["parameters"] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}]
    return operation
