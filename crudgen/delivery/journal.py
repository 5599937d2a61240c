"""Atomic changes of a folder: all files or none. Reason to change: the format of the journal.

A transaction on the folder `out` keeps its state in `out/.crudgen-staging/`:

    new/0, new/1, …    new files, on the same file system, so that they can be renamed
    old/0, old/1, …    copies of the files to replace or remove
    journal.json       the steps; while it exists, the transaction is not committed

An exception rolls back the transaction. After a crash, `recover` restores the former state; callers
call it before they read or write the folder. Removing `journal.json` commits.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from crudgen.errors import OutputError

STAGING = ".crudgen-staging"
_JOURNAL = "journal.json"
REPORT_AFTER_SECONDS = 1.0
"""How long another process may write to the folder before that is reported."""
_POLL_SECONDS = 0.05

_log = logging.getLogger("crudgen")


@dataclass(frozen=True, slots=True)
class _Step:
    """A file to write (`digest` is that of the new content) or to remove (None)."""

    path: str
    digest: str | None
    existed: bool


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file's content. Line endings are ignored: git may convert them."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def locate(out: Path, path: str) -> Path:
    """Return the absolute location of a relative path in the folder.

    Raises OutputError for a path outside the folder: an absolute path, `..`, a drive, or a path
    through a symbolic link.
    """
    pure = PurePosixPath(path)
    invalid = "\\" in path or ":" in path or "\0" in path
    if (
        invalid
        or pure.is_absolute()
        or ".." in pure.parts
        or pure.as_posix() != path
        or path == "."
    ):
        raise OutputError(f"{path!r} is not a path inside the output folder")
    folder = out
    for part in pure.parts[:-1]:
        folder /= part
        kind = file_type(folder)
        if kind == stat.S_IFLNK:
            raise OutputError(
                f"{folder} is a symbolic link, and crudgen does not write through links\n"
                "  replace it with a folder, or choose another folder with --out"
            )
        if kind not in {stat.S_IFDIR, None}:
            raise OutputError(f"{folder} is a file, but must be a folder\n  move or remove it")
    return folder / pure.name


def file_type(path: Path) -> int | None:
    """Return the type of a file as `stat.S_IFMT` does, or None if it is absent.

    A link has a type of its own.
    """
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


def apply(out: Path, changes: Mapping[str, bytes | None]) -> None:
    """Write (bytes) and remove (None) files in an existing folder, all of them or none.

    Raises OSError after a rollback. The caller must hold the `lock`.
    """
    if not changes:
        return
    staging = out / STAGING
    _remove_staging(staging)
    steps, folders = _plan_steps(out, changes)
    try:
        _stage_files(out, staging, steps, changes)
        _write_journal(staging, steps, folders)
        for folder in folders:
            (out / folder).mkdir()
        for number, step in enumerate(steps):
            target = locate(out, step.path)
            if step.digest is None:
                target.unlink()
            else:
                (staging / "new" / str(number)).replace(target)
        (staging / _JOURNAL).unlink()
    except BaseException:
        _roll_back(out, staging, steps, folders)
        raise
    # The transaction is committed; the rest is cleanup.
    with contextlib.suppress(OSError):
        _remove_staging(staging)
        _remove_empty_folders(out, [step.path for step in steps if step.digest is None])


def has_unfinished_transaction(out: Path) -> bool:
    """Return whether a transaction on the folder is active or was interrupted."""
    return os.path.lexists(out / STAGING)


def recover(out: Path) -> None:
    """Roll back an interrupted transaction. The caller must hold the `lock`.

    Raises OutputError if the journal cannot be read, and OSError if the folder cannot be written.
    """
    staging = out / STAGING
    if (staging / _JOURNAL).exists() and not staging.is_symlink():
        steps, folders = _read_journal(staging)
        _roll_back(out, staging, steps, folders)
    _remove_staging(staging)


@contextlib.contextmanager
def lock(out: Path) -> Iterator[None]:
    """Hold an exclusive lock on the folder. Log a warning if another process holds it long."""
    try:
        import fcntl  # noqa: PLC0415 -- not on Windows, where concurrent emits are not locked
    except ImportError:  # pragma: no cover
        yield
        return
    handle = os.open(out, os.O_RDONLY)
    try:
        begins = time.monotonic()
        while time.monotonic() < begins + REPORT_AFTER_SECONDS:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_POLL_SECONDS)
        else:
            _log.warning("waiting for another crudgen process that writes to %s …", out)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _plan_steps(out: Path, changes: Mapping[str, bytes | None]) -> tuple[list[_Step], list[str]]:
    """Return the steps, and the folders to create for them, parents first."""
    steps = []
    folders: dict[str, None] = {}
    for path, data in changes.items():
        target = locate(out, path)
        steps.append(_Step(path, None if data is None else digest(data), target.exists()))
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            if data is not None and not (out / parent).exists():
                folders[parent.as_posix()] = None
    return steps, list(folders)


def _stage_files(
    out: Path, staging: Path, steps: list[_Step], changes: Mapping[str, bytes | None]
) -> None:
    """Copy the old files to the staging folder, and write the new ones to it."""
    for folder in (staging, staging / "new", staging / "old"):
        folder.mkdir()
    for number, step in enumerate(steps):
        if step.existed:
            shutil.copy2(locate(out, step.path), staging / "old" / str(number))
        data = changes[step.path]
        if data is not None:
            (staging / "new" / str(number)).write_bytes(data)


def _write_journal(staging: Path, steps: list[_Step], folders: list[str]) -> None:
    rows = [[step.path, step.digest, step.existed] for step in steps]
    draft = staging / "journal.draft"
    draft.write_text(json.dumps({"steps": rows, "folders": folders}), "utf-8")
    draft.replace(staging / _JOURNAL)


def _read_journal(staging: Path) -> tuple[list[_Step], list[str]]:
    file = staging / _JOURNAL
    try:
        data = json.loads(file.read_text("utf-8"))
        steps = [_Step(str(path), new, bool(existed)) for path, new, existed in data["steps"]]
        return steps, [str(folder) for folder in data["folders"]]
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{file} cannot be read, so the interrupted emit cannot be rolled back\n"
            f"  restore the former files from {staging}/old, then remove {staging}"
        ) from error


def _roll_back(out: Path, staging: Path, steps: list[_Step], folders: list[str]) -> None:
    """Restore every file, and remove the staging folder. Safe to repeat after an interruption."""
    if not (staging / _JOURNAL).exists():
        _remove_staging(staging)  # staging failed: no file was changed
        return
    for number, step in enumerate(steps):
        target = locate(out, step.path)
        old = staging / "old" / str(number)
        if target.exists() and step.digest != digest(target.read_bytes()):
            continue  # not replaced yet, or edited since
        if old.exists():
            old.replace(target)
        elif not step.existed:
            target.unlink(missing_ok=True)
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            locate(out, folder).rmdir()
    (staging / _JOURNAL).unlink()
    _remove_staging(staging)


def _remove_staging(staging: Path) -> None:
    if staging.is_symlink() or staging.is_file():
        raise OutputError(f"{staging} is not a folder of crudgen\n  remove it and try again")
    if staging.exists():
        shutil.rmtree(staging)


def _remove_empty_folders(out: Path, removed: list[str]) -> None:
    """Remove the parent folders that now have no files, or only `__pycache__`."""
    for path in removed:
        for parent in PurePosixPath(path).parents[:-1]:
            folder = out / parent
            if not folder.is_dir() or {entry.name for entry in folder.iterdir()} - {"__pycache__"}:
                break
            shutil.rmtree(folder)
