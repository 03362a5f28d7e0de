"""The JSON API of a study's pages, under ``/api/v1``.

A listener is known by the key in the header ``x-listener``, which their browser drew at random; the store keeps a hash
of it. What they hear is named by trial and place, so that no address says which clip it is. The researcher's addresses
require the token that the server printed, in the header ``x-researcher``. No address, header or name of anybody is
stored or logged.
"""

from __future__ import annotations

import hmac
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from affetti.errors import AffettiError, InputError, StorageError, UsageError
from affetti.studies.listening.ratings import Listener, RatingStore
from affetti.studies.listening.study import Study
from affetti.studies.listening.wording import ENGLISH
from affetti.web.errors import NotFoundError
from affetti.web.listening.progress import ProgressView
from affetti.web.listening.states import clip_of, listener_state
from affetti.web.receiving import read_json

KEY = re.compile(r"[\w-]{22,64}", re.ASCII)
"""A listener's key: at least 128 bits in base64."""
WHOLE = 0.95
"""Share of a sound that counts as all of it: players stop a little early or late."""
MAX_SECONDS = 7 * 24 * 3600.0
"""Longest time for an answer; a page may stay open over a weekend."""
MAX_LISTENERS = 10_000
"""Of a study: a program that joins again and again must not fill the disk."""
HEADPHONE_TRIALS = 6
SOUND_TYPES = {".flac": "audio/flac", ".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg"}

T = TypeVar("T")


@dataclass(frozen=True)
class ConsentBody:
    """Consent to take part."""

    consent: bool


@dataclass(frozen=True)
class HeadphonesBody:
    """Result of the headphone check."""

    correct: int
    """Of :data:`HEADPHONE_TRIALS`."""


@dataclass(frozen=True)
class AnswerBody:
    """The answer to a trial."""

    trial: str
    """Its id, see :class:`~affetti.web.listening.states.TrialState`."""
    answer: dict[str, float]
    """See :mod:`affetti.studies.listening.answers`."""
    heard: dict[str, float] = field(default_factory=dict[str, float])
    """Share of each sound that was heard, by its place."""
    seconds: float | None = None
    """From the trial's appearance to its answer."""


class ForbiddenError(AffettiError):
    """An address that is the researcher's alone."""


class Endpoints:
    """The API of one study."""

    def __init__(self, study: Study, store: RatingStore, folder: Path, token: str) -> None:
        self.study, self.store, self.folder, self._token = study, store, folder, token
        self._progress = ProgressView(study, store)
        self._limiter = CapacityLimiter(1)  # the store serves one at a time

    def routes(self) -> list[Route]:
        """What the application mounts under ``/api/v1``."""
        return [
            Route("/study", self.describe),
            Route("/listener", self.state, methods=["GET"]),
            Route("/listener", self.join, methods=["POST"]),
            Route("/listener", self.withdraw, methods=["DELETE"]),
            Route("/listener/headphones", self.headphones, methods=["POST"]),
            Route("/listener/answers", self.answer, methods=["POST"]),
            Route("/sounds/{trial}/{sound}", self.sound),
            Route("/research/progress", self.progress),
            Route("/research/ratings.csv", self.ratings),
        ]

    async def describe(self, _request: Request) -> Response:
        """The study, as far as everybody may know it."""
        study = self.study
        return JSONResponse(
            {
                "id": study.fingerprint[:16],
                "title": study.text("title"),
                "language": study.text("language"),
                "wording": {key: study.text(key) for key in ENGLISH},
                "plane": study.plane,
                "no_difference": study.no_difference,
                "whole": study.whole,
            }
        )

    async def state(self, request: Request) -> Response:
        """Where the listener is."""
        key, _ = await self._listener(request)
        return await self._state(key)

    async def join(self, request: Request) -> Response:
        """Take part: the key becomes a listener, once however often it is sent."""
        key = _key(request)
        body = await read_json(request, ConsentBody)
        if not body.consent:
            raise UsageError("there is no consent", hint="consent, or close the page")
        if (await self._disk(self.store.progress)).listeners >= MAX_LISTENERS:
            raise StorageError(f"the study has {MAX_LISTENERS} listeners", hint="no more can take part")
        await self._disk(self.store.add_listener, key)
        return await self._state(key)

    async def withdraw(self, request: Request) -> Response:
        """Delete the listener and all their answers."""
        key, _ = await self._listener(request)
        await self._disk(self.store.withdraw, key)
        return JSONResponse({"withdrawn": True})

    async def headphones(self, request: Request) -> Response:
        """Keep the result of the headphone check."""
        key, _ = await self._listener(request)
        body = await read_json(request, HeadphonesBody)
        if not 0 <= body.correct <= HEADPHONE_TRIALS:
            raise InputError(f"{body.correct} correct", hint=f"give 0 to {HEADPHONE_TRIALS}")
        await self._disk(self.store.record_headphones, key, body.correct)
        return await self._state(key)

    async def answer(self, request: Request) -> Response:
        """Store the answer to a trial, durably, and say what comes next. The first answer to a trial counts."""
        key, listener = await self._listener(request)
        body = await read_json(request, AnswerBody)
        if not body.trial.isascii() or not body.trial.isdigit() or len(body.trial) > 6:
            raise NotFoundError("there is no such trial", hint="load the page again")
        seconds = body.seconds
        if seconds is not None and not (math.isfinite(seconds) and 0 <= seconds <= MAX_SECONDS):
            raise InputError("the time taken makes no sense", hint="load the page again")
        number = int(body.trial)
        if self.study.whole:
            trials = self.store.trials(listener)
            for place in range(len(trials[number].clips) if number < len(trials) else 0):
                if not body.heard.get(str(place), 0.0) >= WHOLE:
                    raise InputError("a sound was not heard to its end", hint="listen to all of it")
        await self._disk(self.store.record, key, number, body.answer, seconds)
        return await self._state(key)

    async def sound(self, request: Request) -> Response:
        """A sound of one of the listener's trials."""
        _, listener = await self._listener(request)
        parameters = request.path_params
        clip = clip_of(self.study, self.store.trials(listener), parameters["trial"], parameters["sound"])
        if clip is None:
            raise NotFoundError("there is no such sound", hint="load the page again")
        path = self.folder / self.study.by_id[clip].file
        if not path.is_file():
            raise StorageError("the clip has vanished", where=path, hint="restore it: listeners wait for it")
        return FileResponse(path, media_type=SOUND_TYPES.get(path.suffix.lower(), "application/octet-stream"))

    async def progress(self, request: Request) -> Response:
        """How far the study is: counts alone, no rating."""
        self._require_researcher(request)
        return JSONResponse(await self._disk(self._progress.document))

    async def ratings(self, request: Request) -> Response:
        """All answers, as a tidy CSV."""
        self._require_researcher(request)
        table = await self._disk(self.store.table)
        headers = {"content-disposition": 'attachment; filename="ratings.csv"'}
        return Response(table.to_csv(index=False), media_type="text/csv", headers=headers)

    def _require_researcher(self, request: Request) -> None:
        given = request.headers.get("x-researcher", "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise ForbiddenError("the token is wrong", hint="open the researcher's address that the server printed")

    async def _listener(self, request: Request) -> tuple[str, Listener]:
        """Who sends the request, by their key.

        Raises:
            NotFoundError: nobody has the key.
        """
        key = _key(request)
        try:
            return key, await self._disk(self.store.listener, key)
        except UsageError as error:
            raise NotFoundError(error.what, hint=error.hint) from None

    async def _state(self, key: str) -> Response:
        listener = await self._disk(self.store.listener, key)
        state = listener_state(self.study, listener, self.store.trials(listener))
        return JSONResponse(state.to_dict())

    async def _disk(self, work: Callable[..., T], *arguments: Any) -> T:
        """What ``work`` returns, in a thread: the event loop does not wait for the disk."""
        return await to_thread.run_sync(partial(work, *arguments), limiter=self._limiter)


def _key(request: Request) -> str:
    key = request.headers.get("x-listener", "")
    if not KEY.fullmatch(key):
        raise NotFoundError("nobody has this link", hint="open the study's first page")
    return key
