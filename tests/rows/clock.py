"""A clock that a test shifts while a server runs: it replaces that of the server's process."""

from pathlib import Path

_CUSTOMIZED = """\
import datetime as dates
import time
from pathlib import Path

shift = Path({shift!r})
real, nanoseconds = dates.datetime, time.time_ns


class Kind(type):
    def __instancecheck__(cls, value):
        return isinstance(value, real)

    def __subclasscheck__(cls, kind):
        return issubclass(kind, real)


class Shifted(real, metaclass=Kind):
    def __new__(cls, *arguments, **options):
        return real(*arguments, **options)

    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + dates.timedelta(seconds=float(shift.read_text()))


dates.datetime = Shifted
time.time_ns = lambda: nanoseconds() + int(float(shift.read_text()) * 1e9)
"""


class Clock:
    """The time of the system, plus some seconds."""

    def __init__(self, folder: Path) -> None:
        self.settings = {"PYTHONPATH": str(folder)}
        """Starts a process with this clock."""
        self._shift = folder / "shift"
        self.shift(0)
        customized = _CUSTOMIZED.format(shift=str(self._shift))
        (folder / "sitecustomize.py").write_text(customized)

    def shift(self, seconds: float) -> None:
        """Set the clock so many seconds ahead; negative, back."""
        written = self._shift.with_suffix(".new")
        written.write_text(str(seconds))
        written.replace(self._shift)
