"""Relations between the rows of tables, as the spec declares them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..models import Model


@dataclass(frozen=True, slots=True)
class ManyToOne:
    """A row refers to at most one row of `model`, by the attribute `by` of its own."""

    model: type[Model]
    public: type[Model]
    """The properties of an included row."""
    by: str
    relations: "Relations" = field(default_factory=dict)
    """The relations of an included row that can be included too, by attribute."""


@dataclass(frozen=True, slots=True)
class OneToOne:
    """At most one row of `model` refers to a row, by its unique attribute `by`."""

    model: type[Model]
    public: type[Model]
    by: str
    relations: "Relations" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OneToMany:
    """Rows of `model` refer to a row, by their attribute `by`."""

    model: type[Model]
    public: type[Model]
    by: str
    order: Sequence[str] = ()
    """The attributes to sort included rows by, before their key; descending with a `-`."""
    relations: "Relations" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """Rows of the table `link` refer to a row by their attribute `by`, to rows of `model` by `to`.

    `hero.powers` is `ManyToMany(Power, PowerPublic, HeroPowerLink, by="hero_id", to="power_id")`.
    """

    model: type[Model]
    public: type[Model]
    link: type[Model]
    by: str
    to: str
    order: Sequence[str] = ()
    relations: "Relations" = field(default_factory=dict)


Relation: TypeAlias = ManyToOne | OneToOne | OneToMany | ManyToMany
Relations: TypeAlias = Mapping[str, Relation]
"""Relations by attribute."""
