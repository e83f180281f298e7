"""Backup and restore: the whole store in one sealed file, taken and put back while others use it."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from ipvscreen.errors import IpvscreenError
from ipvscreen.store import schema
from ipvscreen.store.person_keys import Keys, keys_for, put, stored
from ipvscreen.store.person_keys_file import beside, read_keys, write_keys
from ipvscreen.store.sealed import KeyMissing, Ring, SealBroken, SealedTable, open_sealed
from ipvscreen.store.sealed_file import open_file, seal_file
from ipvscreen.store.sqlite import database_file, private_file
from ipvscreen.store.tables import person_keys, visits
from ipvscreen.store.wrapped import unwrap_rows, wrap_rows

_WAIT = 10  # seconds for whoever writes just then


class BackupRefused(IpvscreenError):
    """A backup that cannot be taken or must not be restored; the words say what to do."""


async def backup(url: str, file: Path, ring: Ring, *, keys: Path | None = None) -> None:
    """The store at `url` as it stands at one moment, in a new `file` for its owner alone.

    Access and refresh tokens, launches under way and sittings are left out: none outlives an hour, and a
    backup is kept where fewer look. The keys of persons go into `keys` (beside `file`), which is replaced.
    BackupRefused where there is no store, or `file` is there already.
    """
    await asyncio.to_thread(_backup, _file_of(url), file, keys or beside(file), ring)


async def restore(file: Path, url: str, ring: Ring, *, force: bool = False, keys: Path | None = None) -> int:
    """The store at `url` as it was when `file` was taken, without those whose keys are gone from `keys`.

    How many visits those are.
    BackupRefused, and nothing changed, where the file is not what `backup` wrote, where a key is missing,
    where it is of a later version, and, without `force`, where there is a store.
    """
    return await asyncio.to_thread(_restore, file, keys or beside(file), _file_of(url), ring, force)


def _file_of(url: str) -> Path:
    if make_url(url).get_backend_name() == "postgresql":
        raise BackupRefused(
            "The store is on Postgres: use pg_dump and pg_restore, as docs/how-to/scale-out.md says."
        )
    return database_file(url)


def _backup(database: Path, file: Path, keys: Path, ring: Ring) -> None:
    if not _is_there(database):
        raise BackupRefused(f"There is no store at {database}.")
    with _workplace(database) as copy:
        _copy(database, copy)
        _must_be_whole(copy)
        _take_tokens_away(copy, ring)
        _wrap(database, copy, keys, ring)
        _write_sealed(copy, file, ring)


def _restore(file: Path, keys: Path, database: Path, ring: Ring, force: bool) -> int:
    if _is_there(database) and not force:
        raise BackupRefused(f"There is a store at {database} already; --force replaces it.")
    with _workplace(database) as copy:
        _read_sealed(file, copy, ring)
        _must_be_whole(copy)
        left_out = _unwrap(copy, keys, ring)
        _must_open(copy, ring)
        _must_be_known(copy)
        private_file(database)
        # By SQLite and not by a rename: who has the store open sees all of it at once, and its log fits.
        _copy(copy, database)
    return left_out


def _is_there(database: Path) -> bool:
    return database.exists() and database.stat().st_size > 0


@contextmanager
def _workplace(database: Path) -> Iterator[Path]:
    """A file beside the database, in a folder for its owner alone, for what is not sealed as a whole."""
    with TemporaryDirectory(dir=database.parent, prefix=".copy-") as folder:
        copy = Path(folder) / "store.db"
        private_file(copy)
        yield copy


@contextmanager
def _connect(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection in autocommit, which makes no file; BackupRefused for what SQLite cannot do."""
    uri = f"{database.resolve().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"The database is damaged or in use ({error}); nothing was changed.") from None


def _copy(source: Path, target: Path) -> None:
    """All of it in one step, which in WAL mode is one moment of the database and keeps no writer waiting."""
    with _connect(source) as from_, _connect(target) as to:
        from_.backup(to)


def _take_tokens_away(copy: Path, ring: Ring) -> None:
    sealed = SealedTable(ring, visits.name)
    with _connect(copy) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        connection.execute("PRAGMA secure_delete = ON")
        for table in {"launches", "sittings", "sessions", "invitations"} & _tables(connection).keys():
            connection.execute(f"DELETE FROM {table}")  # noqa: S608  names from above
        if visits.name in _tables(connection):
            ids = connection.execute("SELECT id FROM visits").fetchall()
            values = [(sealed.seal("token", id_, None), id_) for (id_,) in ids]
            connection.execute("BEGIN")
            connection.executemany("UPDATE visits SET token = ? WHERE id = ?", values)
            connection.execute("COMMIT")


def _wrap(database: Path, copy: Path, file: Path, ring: Ring) -> None:
    """Person by person, and the keys into `file` before anything is written that needs them."""
    older = _keys_of(file, ring)
    with _connect(database) as live, _connect(copy) as connection:
        tables = _tables(connection)
        if person_keys.name not in tables:
            return  # of an earlier version, in which nobody has a key
        connection.execute("PRAGMA secure_delete = ON")
        try:
            wrap_rows(connection, tables, keys_for(live, connection, ring))
            kept = stored(live, ring).with_older(older)
        except SealBroken:
            raise BackupRefused("A person's key in the store does not open.") from None
        put(connection, ring, Keys())
        write_keys(file, kept, ring)


def _unwrap(copy: Path, file: Path, ring: Ring) -> int:
    keys = _keys_of(file, ring)
    with _connect(copy) as connection:
        tables = _tables(connection)
        try:
            left_out = unwrap_rows(connection, tables, keys)
        except SealBroken:
            raise BackupRefused(
                f"{file.name} is missing, or does not hold the keys of this backup."
            ) from None
        if person_keys.name in tables:
            put(connection, ring, keys)
    return left_out


def _keys_of(file: Path, ring: Ring) -> Keys:
    try:
        return read_keys(file, ring)
    except SealBroken:
        raise BackupRefused(f"{file.name} does not open with the keys of the settings.") from None


def _tables(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """The tables of the file, which may be of an earlier version, with their sealed columns."""
    columns = connection.execute(
        "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c"
        " WHERE t.type = 'table' AND c.type = 'BLOB'"
    )
    found: dict[str, list[str]] = {}
    for table, column in columns:
        found.setdefault(table, []).append(column)
    return found


def _must_be_whole(database: Path) -> None:
    with _connect(database) as connection:
        said = connection.execute("PRAGMA integrity_check").fetchall()
        loose = connection.execute("PRAGMA foreign_key_check").fetchall()
    if said != [("ok",)] or loose:
        raise BackupRefused("The database is damaged: SQLite's integrity check fails. Nothing was changed.")


def _must_open(database: Path, ring: Ring) -> None:
    """Every value has its key. One that was altered in the store before it was backed up is no reason."""
    with _connect(database) as connection:
        for table, columns in _tables(connection).items():
            for column in columns:
                for id_, value in connection.execute(f"SELECT id, {column} FROM {table}"):  # noqa: S608  names of its own schema
                    _must_have_its_key(ring, f"{table}.{column}", id_, value)


def _must_have_its_key(ring: Ring, purpose: str, id_: str, value: bytes) -> None:
    try:
        open_sealed(ring, purpose, f"{purpose}.{id_}", value)
    except KeyMissing:
        raise BackupRefused("Values in it were sealed with a key that is not in the settings.") from None
    except SealBroken:
        return


def _must_be_known(database: Path) -> None:
    with _connect(database) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if not schema.is_known(revision):
        raise BackupRefused("It was taken by a later version of the app; install that one first.")


def _write_sealed(copy: Path, file: Path, ring: Ring) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BackupRefused(f"{file} is there already; a backup overwrites nothing.") from None
    try:
        with copy.open("rb") as source, os.fdopen(handle, "wb") as target:
            seal_file(ring, source, target)
            target.flush()
            os.fsync(target.fileno())
    except BaseException:
        file.unlink()
        raise


def _read_sealed(file: Path, copy: Path, ring: Ring) -> None:
    try:
        with file.open("rb") as source, copy.open("wb") as target:
            open_file(ring, source, target)
    except KeyMissing:
        raise BackupRefused("It was sealed with a key that is not in the settings.") from None
    except SealBroken:
        raise BackupRefused("It is not a backup of this store, or it was altered or cut off.") from None
