"""The folder in which worker processes share their metrics, and which workers have ended."""

import os
from pathlib import Path

from .metrics_settings import FOLDER


def folder_of_workers() -> Path | None:
    """Return the folder in which worker processes share their metrics, if there are some."""
    folder = os.environ.get(FOLDER)
    return Path(folder) if folder else None


def note_worker(folder: Path) -> None:
    """Note when this process started: another one may have the same number later.

    The gauges of dead workers are removed first: one may have had the number of this process.
    """
    remove_gauges_of_dead_workers(folder)
    if (started := _start_of(os.getpid())) is not None:
        note = _note_of(folder, os.getpid())
        new = note.with_suffix(".new")
        new.write_bytes(started)
        new.replace(note)  # other processes never read a part of a note


def remove_gauges_of_dead_workers(folder: Path) -> None:
    """Remove the files with the gauges of processes that have ended: they are not current."""
    for file in folder.glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if process.isdigit() and not _is_running(folder, int(process)):
            file.unlink(missing_ok=True)
            _note_of(folder, int(process)).unlink(missing_ok=True)


def _note_of(folder: Path, process: int) -> Path:
    return folder / f"started_{process}.txt"


def _is_running(folder: Path, process: int) -> bool:
    """Return whether a worker runs, and not another process with its number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to another user
        pass
    started = _start_of(process)
    try:
        noted = _note_of(folder, process).read_bytes()
    except OSError:  # a worker that has noted nothing
        return True
    return started is None or not noted.isdigit() or noted == started


def _start_of(process: int) -> bytes | None:
    """Return when a process started, in ticks since the start of Linux; None if unknown.

    The system clock may be set, so times of files are not compared.
    """
    try:
        status = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return None
    return status.rpartition(b")")[2].split()[19]
