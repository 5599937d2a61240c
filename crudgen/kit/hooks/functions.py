"""The functions of the owner for one entity."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

from ..models import Changes, Model
from .transaction import CallerT, ModelT, Transaction

CreateT = TypeVar("CreateT", bound=Model)
UpdateT = TypeVar("UpdateT", bound=Changes)


@dataclass(frozen=True, kw_only=True)
class Hooks(Generic[ModelT, CreateT, UpdateT, CallerT]):
    """The functions of the owner that replace the create, update and delete of the API.

    An operation on several rows calls the function for each of them. A PUT calls `create` or
    `update`, depending on whether the row exists.
    """

    create: Callable[[Transaction[CallerT], CreateT], ModelT] | None = None
    update: Callable[[Transaction[CallerT], ModelT, UpdateT], ModelT] | None = None
    delete: Callable[[Transaction[CallerT], ModelT], None] | None = None
    changes: type[UpdateT] | None = None
    """The model of the changes that `update` gets from a PUT."""
    creates: type[CreateT] | None = None
    """The model that `create` gets for a row created together with a parent row."""
