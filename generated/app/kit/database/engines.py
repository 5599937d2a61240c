"""The SQLAlchemy engines of a database, and what observes the statements of their sessions."""

from collections.abc import Callable
from weakref import WeakSet

from sqlalchemy import Engine


class Engines:
    """The engines of a database. Some are created later than their observers."""

    def __init__(self) -> None:
        self._engines: WeakSet[Engine] = WeakSet()
        self._observers: list[Callable[[Engine], None]] = []

    def add(self, engine: Engine) -> Engine:
        """Add an engine; return it."""
        self._engines.add(engine)
        for observe in self._observers:
            observe(engine)
        return engine

    def observe(self, observe: Callable[[Engine], None]) -> None:
        """Call `observe` with each engine, now or when it is created."""
        self._observers.append(observe)
        for engine in [*self._engines]:
            observe(engine)
