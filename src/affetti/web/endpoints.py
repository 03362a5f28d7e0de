"""The JSON API of the page, under ``/api/v1``; ``openapi`` describes it.

Ids alone name things in requests: no path from a request reaches the disk. Errors are JSON objects with a message and
the next step, and say nothing of paths.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from affetti.errors import AffettiError
from affetti.web import tasks
from affetti.web.bodies import ComposeBody, GeneratorBody, RoundBody, SampleBody, SongBody, require_seed
from affetti.web.catalogue import Catalogue
from affetti.web.errors import NotFoundError, QueueFullError, error_message
from affetti.web.jobs import Job, JobQueue, new_id
from affetti.web.limits import JOB_SECONDS, MAX_UPLOADS, PREDICT_SECONDS, REPORT_SECONDS, SONG_JOB_SECONDS
from affetti.web.openapi import openapi_document
from affetti.web.receiving import read_json, save_upload
from affetti.web.reports import CSP, ReportChoice, render_report
from affetti.web.rounds import REAL, Round, play_round
from affetti.web.settings import ServeSettings
from affetti.web.sounds import Sound, SoundStore

SOUND_KINDS = {"flac": "audio/flac", "mid": "audio/midi"}
AT_ONCE_BYTES = 2**20
"""A sound as small, which has just been filed, is read faster than a thread is woken that could read it."""
PREDICT, SONG = "predict", "song"
"""Kinds of jobs of which few may be at a time."""


@dataclass(frozen=True)
class Offer:
    """What a server offers."""

    settings: ServeSettings
    catalogue: Catalogue
    reports: tuple[ReportChoice, ...] = ()


class Endpoints:
    """The endpoints of one server."""

    def __init__(self, offer: Offer, queue: JobQueue, sounds: SoundStore) -> None:
        self.settings, self.catalogue, self.queue, self.sounds = offer.settings, offer.catalogue, queue, sounds
        self._reports = {choice.id: choice.path for choice in offer.reports}
        settings, catalogue = offer.settings, offer.catalogue
        self._models = {choice.id: path for choice, path in zip(catalogue.models, settings.models, strict=True)}
        self._corpora = {choice.id: path for choice, path in zip(catalogue.corpora, settings.corpora, strict=True)}
        self._arriving = 0
        """Uploads of which not all has arrived."""

    def routes(self) -> list[Route]:
        """What the application mounts under ``/api/v1``."""
        return [
            Route("/openapi.json", self.openapi),
            Route("/plane", self.plane),
            Route("/compose", self.compose, methods=["POST"]),
            Route("/sample", self.sample, methods=["POST"]),
            Route("/songs", self.song, methods=["POST"]),
            Route("/predict", self.predict, methods=["POST"]),
            Route("/rounds", self.round, methods=["POST"]),
            Route("/reports/{report}", self.report),
            Route("/jobs/{job}", self.job),
            Route("/jobs/{job}", self.cancel, methods=["DELETE"]),
            Route("/jobs/{job}/events", self.job_events),
            Route("/sounds/{sound}/analysis", self.analysis, methods=["POST"]),
            Route("/sounds/{sound}.{kind}", self.sound),
        ]

    async def openapi(self, _request: Request) -> Response:
        """The description of this API."""
        return JSONResponse(openapi_document())

    async def plane(self, _request: Request) -> Response:
        """What can be requested: words, cues, models, the regressor."""
        return JSONResponse(self.catalogue.to_dict())

    async def compose(self, request: Request) -> Response:
        """Compose a piece and wait for it."""
        body = await read_json(request, ComposeBody)
        curve, settings = body.emotion_curve(), body.settings()
        self.queue.require_room()
        sound = self.sounds.new("composed")
        arguments = (curve, body.seconds, settings, sound.path)

        def finish(piece: tasks.Piece) -> dict[str, Any]:
            return asdict(piece) | {"sound": _sound(sound)}

        job = self.queue.submit("compose", tasks.compose_piece, arguments, JOB_SECONDS, finish)
        return JSONResponse(await job.result())

    async def sample(self, request: Request) -> Response:
        """Sample a clip of a generator; answers with the job's address."""
        body = await read_json(request, SampleBody)
        name, settings = self._model_name(body), body.settings()
        self.queue.require_room()
        sound, model = self.sounds.new(name), self._models[body.model]
        arguments = (model, (body.valence, body.arousal), settings, sound.path)
        job = self.queue.submit("sample", tasks.sample_sound, arguments, JOB_SECONDS, partial(_sampled, sound))
        return _accepted(job)

    async def song(self, request: Request) -> Response:
        """Sample a song of a generator along a curve; answers with the job's address."""
        body = await read_json(request, SongBody)
        name, job_id = self._model_name(body), new_id()
        curve, settings = body.emotion_curve(), body.settings()
        if self.queue.pending(SONG) >= max(1, self.settings.workers - 1):  # a process is left for what is quick
            raise QueueFullError("another song is being sampled", hint="wait for it, or cancel it")
        self.queue.require_room()
        sound = self.sounds.new(name)
        events = self.queue.events_file(job_id)
        arguments = (self._models[body.model], curve, body.seconds, settings, events, sound.path)
        finish = partial(_sampled, sound)
        return _accepted(self.queue.submit(SONG, tasks.sample_song_sound, arguments, SONG_JOB_SECONDS, finish, job_id))

    async def predict(self, request: Request) -> Response:
        """Take a recording, and predict it; answers with the job's address."""
        name = new_id()
        upload = self.queue.folder / f"{name}.upload"
        if self._arriving + self.queue.pending(PREDICT) >= MAX_UPLOADS:
            raise QueueFullError
        self._arriving += 1
        try:
            await save_upload(request, upload)
        finally:
            self._arriving -= 1
        sound = self.sounds.new("recording")
        arguments = (upload, self.settings.regressor, self.queue.events_file(name), sound.path)

        def finish(analysis: tasks.Analysis) -> dict[str, Any]:
            return asdict(analysis) | {"sound": _sound(sound)}

        try:
            job = self.queue.submit(PREDICT, tasks.predict_upload, arguments, PREDICT_SECONDS, finish, name)
        except QueueFullError:
            upload.unlink(missing_ok=True)
            raise
        job.when_done(lambda: upload.unlink(missing_ok=True))
        return _accepted(job)

    async def round(self, request: Request) -> Response:
        """Draw a real clip, and sample every generator for its emotion; answers with the job's address."""
        body = await read_json(request, RoundBody)
        if body.corpus not in self._corpora:
            raise NotFoundError("there is no such corpus", hint="see /api/v1/plane")
        require_seed(body.seed)
        models = {choice.name: self._models[choice.id] for choice in self.catalogue.models}
        self.queue.require_room()
        real = self.sounds.new(REAL)
        sounds = {name: self.sounds.new(name) for name in models}
        near = {name: self.sounds.new(f"nearest training clip of {name}") for name in models}
        arguments = (
            self._corpora[body.corpus],
            models,
            body.seed,
            real.path,
            {name: sound.path for name, sound in sounds.items()},
            {name: sound.path for name, sound in near.items()},
        )

        def finish(played: Round) -> dict[str, Any]:
            document = asdict(played)
            for clip in document["clips"]:
                clip["sound"] = _sound(real if clip["song"] is not None else sounds[clip["name"]])
            for clip in document["neighbours"]:
                clip["sound"] = _sound(near[clip["of"]])
            return document

        return _accepted(self.queue.submit("round", play_round, arguments, JOB_SECONDS, finish))

    async def report(self, request: Request) -> Response:
        """A result as a page, in a sandbox of its own."""
        name = request.path_params["report"]
        if name not in self._reports:
            raise NotFoundError("there is no such report", hint="see /api/v1/plane")
        page = self._reports[name]
        if page.suffix.lower() != ".html":
            result, page = page, self.queue.folder / f"{name}.html"
            if not page.is_file():
                job = self.queue.submit("report", render_report, (result, page), REPORT_SECONDS, asdict)
                await job.result()
        return FileResponse(page, media_type="text/html; charset=utf-8", headers={"content-security-policy": CSP})

    async def analysis(self, request: Request) -> Response:
        """Log-mel, waveform and predicted emotion of a sound."""
        sound = self._sound(request)
        arguments = (sound.path, self.settings.regressor)
        job = self.queue.submit("analysis", tasks.analyse_sound, arguments, JOB_SECONDS, asdict)
        return JSONResponse(await job.result())

    async def job(self, request: Request) -> Response:
        """State of a job, with its result where it is done."""
        job = self._job(request)
        document: dict[str, Any] = {"id": job.id, "kind": job.kind, "state": job.state}
        if job.state == "done":
            document["result"] = await job.result()
        elif job.state == "failed":
            document["error"] = await _failure(job)
        return JSONResponse(document)

    async def job_events(self, request: Request) -> Response:
        """Progress and result of a job, as server-sent events."""
        return StreamingResponse(_events(self._job(request)), media_type="text/event-stream")

    async def sound(self, request: Request) -> Response:
        """A sound, as FLAC or, where it was composed, as MIDI."""
        kind = request.path_params["kind"]
        sound = self._sound(request)
        path = sound.path if kind == "flac" else sound.midi
        if kind not in SOUND_KINDS or not path.is_file():
            raise NotFoundError("there is no such sound", hint="make it again")
        if path.stat().st_size > AT_ONCE_BYTES or "range" in request.headers:
            return FileResponse(path, media_type=SOUND_KINDS[kind], filename=f"{sound.title}.{kind}")
        name = quote(f"{sound.title}.{kind}")
        headers = {"accept-ranges": "bytes", "content-disposition": f"attachment; filename*=utf-8''{name}"}
        return Response(path.read_bytes(), media_type=SOUND_KINDS[kind], headers=headers)

    async def cancel(self, request: Request) -> Response:
        """End a job."""
        self._job(request).future.cancel()
        return Response(status_code=204)

    def _model_name(self, body: GeneratorBody) -> str:
        """The name of the model of a request."""
        for choice in self.catalogue.models:
            if choice.id == body.model:
                return choice.name
        raise NotFoundError("there is no such model", hint="see /api/v1/plane")

    def _job(self, request: Request) -> Job:
        job = self.queue.get(request.path_params["job"])
        if job is None:
            raise NotFoundError("there is no such job", hint="it may have ended long ago: send the request again")
        return job

    def _sound(self, request: Request) -> Sound:
        sound = self.sounds.get(request.path_params["sound"])
        if sound is None:
            raise NotFoundError("there is no such sound", hint="it may have been removed: make it again")
        return sound


async def _failure(job: Job) -> dict[str, Any]:
    try:
        await job.result()
    except AffettiError as error:
        return error_message(error)
    except Exception as error:  # a fault of ours: logged, and said without details
        logging.getLogger(__name__).warning("a job failed: %s: %s", type(error).__name__, error)
    return {"message": "the server failed at this request", "hint": "try another"}


async def _events(job: Job) -> AsyncGenerator[str]:
    async for line in job.lines():
        yield f"data: {json.dumps(line)}\n\n"
    if job.state == "done":
        yield f"data: {json.dumps({'type': 'done', 'result': await job.result()})}\n\n"
    else:
        yield f"data: {json.dumps({'type': 'error', 'error': await _failure(job)})}\n\n"


def _sampled(sound: Sound, seconds: float) -> dict[str, Any]:
    """What a job that files a sound of a generator answers."""
    return {"sound": _sound(sound), "seconds": seconds}


def _accepted(job: Job) -> JSONResponse:
    document = {"job": job.id, "events": f"/api/v1/jobs/{job.id}/events"}
    return JSONResponse(document, status_code=202, headers={"location": f"/api/v1/jobs/{job.id}"})


def _sound(sound: Sound) -> dict[str, Any]:
    midi = f"/api/v1/sounds/{sound.id}.mid" if sound.midi.is_file() else None
    return {"id": sound.id, "url": f"/api/v1/sounds/{sound.id}.flac", "midi": midi}
