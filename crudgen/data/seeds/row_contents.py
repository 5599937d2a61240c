"""What rows of seeds contain. Reason to change: which values a row needs, and what names it."""

from crudgen.language.names import FieldName
from crudgen.language.relations import Relation, RelationKind
from crudgen.language.schema import Entity, Field, KeyKind, TypeName

_DISPLAY_NAMES = ("name", "title", "label", "code")
_TEXTS = {TypeName.STR, TypeName.EMAIL, TypeName.URL}


def required_fields(entity: Entity) -> list[Field]:
    """Return the fields that every row has. Nobody calls, so a default such as `me` is none."""
    return [one for one in entity.fields if _is_required(one)]


def _is_required(field: Field) -> bool:
    if field.preset is not None:
        return not field.optional
    return field.required


def identities_of(entity: Entity) -> list[tuple[FieldName, ...]]:
    """Return the sets of fields that identify a row: its key, and what is unique."""
    found = [(one.name,) for one in entity.fields if one.pk]
    found += [(one.name,) for one in entity.fields if one.unique]
    return [*found, *(index.fields for index in entity.indexes if index.unique)]


def is_written(relation: Relation) -> bool:
    """Return whether a row of seeds can name the related rows."""
    is_link = relation.link is not None and not relation.link.via
    return relation.kind is RelationKind.MANY_TO_ONE or is_link


def naming_fields(entity: Entity) -> list[Field]:
    """Return the fields that name a row: its key if clients choose it, unique ones, its title."""
    found = [one for one in entity.fields if one.pk and entity.key_kind is KeyKind.CLIENT]
    found += [one for one in entity.fields if one.unique and one.reference is None]
    texts = {
        str(one.name): one for one in entity.fields if one.type in _TEXTS and not one.write_only
    }
    found += [texts[name] for name in _DISPLAY_NAMES if name in texts][:1]
    return list({one.name: one for one in found}.values())
