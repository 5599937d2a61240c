"""What the rest of the database package knows of a driver."""

from dataclasses import dataclass

from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Backend:
    """The two ways into one database."""

    reader: Engine
    """Runs each statement outside a transaction."""
    writer: Engine
    """Runs statements in transactions."""
    writers: int
    """How many transactions may run at the same time."""
    reads_keys_at_once: bool
    """Whether a read by key is so short that it may run on the event loop."""
