"""The store of a listening study: who takes part, and every answer, in ``listening.sqlite``.

An answer is on disk before :meth:`RatingStore.record` returns (SQLite in WAL mode, ``synchronous=FULL``), and the first
answer to a trial is the one that counts, however often it is sent. A listener is a token, of which the store keeps the
SHA-256 alone, and a place in the design; nothing else about them is kept. Withdrawal deletes the listener and every
answer, and overwrites them in the file.

The store belongs to one version of its study: once there are answers, a study whose clips, task or scales differ is
refused. Several processes may use it at once; within a process one :class:`RatingStore` serves all threads.

When not to use: on a network drive, where SQLite's locks do not hold.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Self

import pandas as pd

from affetti.errors import StorageError, UsageError
from affetti.storage import is_file
from affetti.studies.listening.answers import check_answer, rating_rows
from affetti.studies.listening.design import Design, Trial
from affetti.studies.listening.study import Study

FILE = "listening.sqlite"
VERSION = 1
"""Of the tables."""
TOKEN_BYTES = 16
BUSY_SECONDS = 30.0
"""How long a write waits for another process."""
COLUMNS = (
    "listener",
    "clip",
    "system",
    "scale",
    "rating",
    "condition",
    "trial",
    "purpose",
    "against",
    "seconds",
)
"""Of the tidy table; the first five suffice for an analysis."""
SCHEMA = """
create table study (fingerprint text not null, withdrawn integer not null default 0);
create table listener (
    id integer primary key autoincrement,
    token text not null unique,
    place integer not null,
    seen real not null,
    finished integer not null default 0,
    headphones integer
);
create table answer (
    listener integer not null references listener on delete cascade,
    trial integer not null,
    answer text not null,
    seconds real,
    primary key (listener, trial)
) without rowid;
"""


@dataclass(frozen=True)
class Listener:
    """Somebody who takes part."""

    id: int
    """Number in the store, never given twice."""
    place: int
    """Number in the design, which decides the trials; given again when it is left unfinished."""
    answered: frozenset[int]
    """Numbers of the trials that are answered."""
    finished: bool
    headphones: int | None = None
    """Correct trials of the headphone check; None: it was not taken."""


@dataclass(frozen=True)
class StudyProgress:
    """How far a study is."""

    listeners: int
    """Who has not withdrawn."""
    finished: int
    answers: int
    withdrawn: int


class RatingStore:
    """The answers of one study."""

    def __init__(self, study: Study, connection: sqlite3.Connection, path: Path) -> None:
        self.study, self.design, self.path = study, Design(study), path
        self._connection, self._lock = connection, Lock()

    @classmethod
    def open(cls, folder: str | Path, study: Study | None = None) -> Self:
        """Open the store in the study's folder, or begin one.

        Args:
            folder: the study's folder.
            study: the study, where it has been opened already.

        Raises:
            StorageError: the store is damaged or cannot be written, or the study was edited after answers came.
            UsageError: as :meth:`affetti.studies.listening.study.Study.open`.
        """
        folder = Path(folder)
        study = study or Study.open(folder)
        path = folder / FILE
        with _explained(path):
            connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                _set_up(connection, study, path)
            except BaseException:
                connection.close()
                raise
        return cls(study, connection, path)

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_listener(self, token: str | None = None) -> str:
        """Add somebody, who gets the lowest place that nobody has; returns their token.

        A token that somebody has already adds nobody, so that whoever got no answer may send it again. The place of a
        listener who withdrew, or who has left unfinished for more than the study's ``idle_hours``, is given again.

        Args:
            token: drawn at random by the caller; None: drawn here.

        Raises:
            StorageError: it cannot be written.
        """
        token = token or secrets.token_urlsafe(TOKEN_BYTES)
        now = time.time()
        with self._transaction() as sql:
            if sql.execute("select 1 from listener where token = ?", (_hash(token),)).fetchone():
                return token
            taken = {
                place
                for (place,) in sql.execute(
                    "select place from listener where finished or seen > ?", (now - 3600.0 * self.study.idle_hours,)
                )
            }
            place = next(number for number in range(len(taken) + 1) if number not in taken)
            sql.execute("insert into listener (token, place, seen) values (?, ?, ?)", (_hash(token), place, now))
        return token

    def listener(self, token: str) -> Listener:
        """Who has the token.

        Raises:
            UsageError: nobody has it.
            StorageError: the store cannot be read.
        """
        with self._transaction("deferred") as sql:
            return _listener(sql, token)

    def trials(self, listener: Listener) -> tuple[Trial, ...]:
        """The trials of a listener, in order."""
        return self.design.trials(listener.place)

    def record(self, token: str, trial: int, answer: Mapping[str, Any], seconds: float | None = None) -> bool:
        """Store the answer to a trial, durably; returns whether it is the first one, which counts.

        A later answer to the same trial changes nothing. Whoever has answered every trial has finished.

        Args:
            token: of the listener.
            trial: its number.
            answer: see :mod:`affetti.studies.listening.answers`.
            seconds: how long the listener took.

        Raises:
            UsageError: nobody has the token, or there is no such trial.
            InputError: the answer is not one to this trial.
            StorageError: it cannot be written, as on a full disk; it is not stored then.
        """
        with self._transaction() as sql:
            listener = _listener(sql, token)
            trials = self.trials(listener)
            if not 0 <= trial < len(trials):
                raise UsageError(f"no trial {trial}", where="answer", hint=f"give 0 to {len(trials) - 1}")
            checked = json.dumps(check_answer(self.study, trials[trial], answer))
            first = trial not in listener.answered
            if first:
                sql.execute("insert into answer values (?, ?, ?, ?)", (listener.id, trial, checked, seconds))
            finished = len(listener.answered | {trial}) == len(trials)
            sql.execute("update listener set seen = ?, finished = ? where id = ?", (time.time(), finished, listener.id))
        return first

    def record_headphones(self, token: str, correct: int) -> None:
        """Keep how many trials of the headphone check were correct; the first result counts.

        Raises:
            UsageError: nobody has the token.
            StorageError: it cannot be written.
        """
        with self._transaction() as sql:
            listener = _listener(sql, token)
            sql.execute(
                "update listener set headphones = coalesce(headphones, ?), seen = ? where id = ?",
                (correct, time.time(), listener.id),
            )

    def listeners(self) -> dict[str, Listener]:
        """Everybody who has not withdrawn, by their name in the table, such as ``L0001``."""
        with self._transaction("deferred") as sql:
            answered: dict[int, set[int]] = {}
            for number, trial in sql.execute("select listener, trial from answer"):
                answered.setdefault(number, set()).add(trial)
            rows = sql.execute("select id, place, finished, headphones from listener order by id").fetchall()
        return {
            _name(number): Listener(number, place, frozenset(answered.get(number, ())), bool(finished), headphones)
            for number, place, finished, headphones in rows
        }

    def withdraw(self, token: str) -> None:
        """Delete a listener and all their answers; what is left is the number of those who withdrew.

        Raises:
            UsageError: nobody has the token.
            StorageError: it cannot be written.
        """
        with self._transaction() as sql:
            sql.execute("delete from listener where id = ?", (_listener(sql, token).id,))
            sql.execute("update study set withdrawn = withdrawn + 1")
        with self._lock, _explained(self.path):
            # Pages that the log still holds would keep the answers.
            self._connection.execute("pragma wal_checkpoint(truncate)").fetchall()

    def progress(self) -> StudyProgress:
        """How many take part, have finished, and have withdrawn, and how many answers there are."""
        with self._transaction("deferred") as sql:
            return _progress(sql)

    def table(self) -> pd.DataFrame:
        """The tidy table of all answers, :data:`COLUMNS`, by listener and trial; listeners are ``L0001`` and so on."""
        with self._transaction("deferred") as sql:
            stored = sql.execute(
                "select listener.id, place, trial, answer, seconds from answer "
                "join listener on listener.id = answer.listener order by listener.id, trial"
            ).fetchall()
        trials = cache(self.design.trials)  # a place has many answers
        rows = [
            {"listener": _name(number), **row.to_dict(), "seconds": seconds}
            for number, place, trial, answer, seconds in stored
            for row in rating_rows(self.study, trials(place)[trial], json.loads(answer))
        ]
        return pd.DataFrame(rows, columns=pd.Index(COLUMNS))

    @contextmanager
    def _transaction(self, mode: Literal["deferred", "immediate"] = "immediate") -> Generator[sqlite3.Connection]:
        """All of it is stored, or nothing; ``deferred`` for reading, which waits for nobody."""
        with self._lock, _explained(self.path):
            self._connection.execute(f"begin {mode}")
            try:
                yield self._connection
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise


def has_answers(folder: str | Path) -> bool:
    """Whether a study's folder holds a store."""
    return is_file(Path(folder) / FILE)


def read_progress(folder: str | Path) -> StudyProgress:
    """How far the study in a folder is; nothing there is changed, and a server that runs is not disturbed.

    Raises:
        StorageError: the store is damaged.
    """
    path = Path(folder) / FILE
    if not is_file(path):
        return StudyProgress(0, 0, 0, 0)
    # Without a log nobody has the store open, and SQLite need not make the files by which processes share it.
    mode = "mode=ro" if is_file(path.with_name(f"{FILE}-wal")) else "immutable=1"
    with (
        _explained(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", BUSY_SECONDS, uri=True)) as sql,
    ):
        return _progress(sql)


def _progress(sql: sqlite3.Connection) -> StudyProgress:
    listeners, finished = sql.execute("select count(*), coalesce(sum(finished), 0) from listener").fetchone()
    (answers,) = sql.execute("select count(*) from answer").fetchone()
    (withdrawn,) = sql.execute("select withdrawn from study").fetchone()
    return StudyProgress(listeners, finished, answers, withdrawn)


def _set_up(connection: sqlite3.Connection, study: Study, path: Path) -> None:
    """Set what makes answers durable, make the tables where there are none, and compare the study with theirs."""
    connection.execute("pragma journal_mode = wal").fetchall()
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma secure_delete = on").fetchall()
    connection.execute("begin immediate")
    try:
        (version,) = connection.execute("pragma user_version").fetchone()
        if version == 0:
            for statement in filter(str.strip, SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute("insert into study (fingerprint) values (?)", (study.fingerprint,))
            connection.execute(f"pragma user_version = {VERSION}")
        elif version != VERSION:
            raise StorageError(
                f"is of another version of affetti ({version})",
                where=path,
                hint="open it with the version that made it",
            )
        _require_same(connection, study, path)
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def _require_same(connection: sqlite3.Connection, study: Study, path: Path) -> None:
    (fingerprint,) = connection.execute("select fingerprint from study").fetchone()
    if fingerprint == study.fingerprint:
        return
    (answers,) = connection.execute("select count(*) from answer").fetchone()
    if answers:
        raise StorageError(
            f"holds {answers} answers to another version of study.toml",
            where=path,
            hint="undo the change, or copy the study without listening.sqlite to a new folder",
        )
    connection.execute("update study set fingerprint = ?", (study.fingerprint,))


def _listener(sql: sqlite3.Connection, token: str) -> Listener:
    row = sql.execute(
        "select id, place, finished, headphones from listener where token = ?", (_hash(token),)
    ).fetchone()
    if row is None:
        raise UsageError("nobody has this link", where="token", hint="open the study's first page")
    number, place, finished, headphones = row
    answered = sql.execute("select trial from answer where listener = ?", (number,))
    return Listener(number, place, frozenset(trial for (trial,) in answered), bool(finished), headphones)


def _name(number: int) -> str:
    return f"L{number:04d}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@contextmanager
def _explained(path: Path) -> Generator[None]:
    """Turn SQLite's errors into a :class:`StorageError`."""
    try:
        yield
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if full:
            raise StorageError("the disk is full", where=path, hint="free some space and try again") from error
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        what = f"is damaged ({error})" if damaged else f"cannot be used ({error})"
        raise StorageError(what, where=path, hint="check the file, its permissions and the disk") from error
