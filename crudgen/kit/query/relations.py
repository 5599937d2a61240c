"""Relations between the rows of tables, as the spec declares them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ..models import Model


class Included(Model):
    """Base class of response models with related rows.

    `class HeroPublicWithRelated(HeroPublic, Included)` adds relations to the properties of
    `HeroPublic`. Those with a default are in a response only if the request includes them.
    pydantic builds the schema of a model when it is first used, not when the class is created.
    """

    model_config = {"defer_build": True}  # noqa: RUF012 -- pydantic copies it

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the JSON schema of the model. Relations with a default are optional in it."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        own = own_model(cls).model_fields
        optional = {
            field.serialization_alias or name
            for name, field in cls.model_fields.items()
            if name not in own and not field.is_required()
        }
        described = handler.resolve_ref_schema(schema)
        required = [name for name in described.get("required", ()) if name not in optional]
        described["required"] = required
        return schema


def own_model(public: type[Model]) -> type[Model]:
    """Return the response model without relations: the first base class that is not Included."""
    models = (kind for kind in public.__mro__ if issubclass(kind, Model))
    return next(kind for kind in models if not issubclass(kind, Included))


@dataclass(frozen=True, slots=True)
class ManyToOne:
    """A row refers to at most one row of `model`, by the attribute `by` of its own."""

    model: type[Model]
    public: type[Model]
    """The properties of an included row."""
    by: str
    relations: "Relations" = field(default_factory=dict)
    """The relations of an included row that can be included too, by attribute."""
    json_name: str = ""
    """The JSON name, if it is not that of a property of the response model."""


@dataclass(frozen=True, slots=True)
class OneToOne:
    """At most one row of `model` refers to a row, by its unique attribute `by`."""

    model: type[Model]
    public: type[Model]
    by: str
    relations: "Relations" = field(default_factory=dict)
    json_name: str = ""


@dataclass(frozen=True, slots=True)
class OneToMany:
    """Many rows of `model` refer to one row, each by the attribute that `by` names."""

    model: type[Model]
    public: type[Model]
    by: str
    order: Sequence[str] = ()
    """The attributes to sort included rows by, before their key; descending with a `-`."""
    relations: "Relations" = field(default_factory=dict)
    json_name: str = ""


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
    json_name: str = ""


Relation: TypeAlias = ManyToOne | OneToOne | OneToMany | ManyToMany
Relations: TypeAlias = Mapping[str, Relation]
"""Relations by attribute."""
