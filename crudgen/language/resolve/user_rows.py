"""Resolves users who are rows of an entity. Reason to change: what callers have of their rows."""

from collections.abc import Iterable
from dataclasses import replace

from crudgen.language.access import CALLER_ATTRIBUTES, LOGIN_NAME, ROW_CLAIM, Auth, Claim, ClaimType
from crudgen.language.names import FieldName, ModuleName
from crudgen.language.reserved import attribute_for
from crudgen.language.schema import Entity, Field, TypeName
from crudgen.language.written.app import AppSpec
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.yaml.problems import Problems, quoted, suggest

_KEY = FieldName("id")
"""The attribute that is the key of the row, whatever the field is called."""
_TYPES = {
    TypeName.INT: ClaimType.INT,
    TypeName.STR: ClaimType.STR,
    TypeName.TEXT: ClaimType.STR,
    TypeName.UUID: ClaimType.UUID,
    TypeName.BOOL: ClaimType.BOOL,
    TypeName.ENUM: ClaimType.ENUM,
}
"""The types of fields that callers can have."""
_LONGEST_KEY = 255
"""Most characters of a key that is text: it tells callers from each other."""


def with_user_rows(
    auth: Auth,
    written: WrittenSpec[AppSpec],
    entities: Iterable[Entity],
    problems: Problems,
    *,
    is_complete: bool,
) -> Auth | None:
    """Return `auth` with the fields of the entity that `users` names as attributes of callers.

    None if there is no such entity, or it cannot be that of users. There is no problem about an
    entity that may be in a file with errors: one that is not `is_complete`.
    """
    by_name = {str(one.name): one for one in entities}
    name = str(auth.user_entity)
    location = written.locate("auth", "users")
    if name not in by_name:
        if is_complete:
            remedy = suggest(name, by_name)
            problems.add(location, f"unknown entity {quoted(name)}", remedy)
        return None
    entity = by_name[name]
    key = next((one for one in entity.fields if one.pk), None)
    if key is None:
        return None  # it has an error
    if key.type is TypeName.STR and (key.max_length or _LONGEST_KEY + 1) > _LONGEST_KEY:
        problem = f"the key of {name} can be longer than {_LONGEST_KEY} characters"
        remedy = f"limit it, as in '{key.name}: str(1..{_LONGEST_KEY}) pk'; or use another key"
        problems.add(location, problem, remedy)
        return None
    if any(one.name == _KEY and not one.pk for one in entity.fields):
        problem = f"'me.id' is the key of {name}, {str(key.name)!r}, and {name} has another 'id'"
        problems.add(location, problem, f"rename the field 'id' of {name}")
        return None
    reasons = {str(one.name): _exclusion_reason(one, entity) for one in entity.fields}
    fields = [one for one in entity.fields if not reasons[str(one.name)] and one.name != _KEY]
    return replace(
        auth,
        me=(_row_claim(key, _KEY), *(_row_claim(one, one.name) for one in fields)),
        user_file=entity.source,
        not_me={field: reason for field, reason in reasons.items() if reason},
    )


def _exclusion_reason(field: Field, entity: Entity) -> str:
    """Return why callers do not have a field of their row, and what to do; empty if they do."""
    name = str(field.name)
    if field.write_only:
        return (
            f"{name!r} of {entity.name} is write_only: callers do not have it;"
            f" remove 'write_only' in {entity.source}"
        )
    if field.type not in _TYPES:
        *types, last = dict.fromkeys(map(str, _TYPES.values()))
        return (
            f"{name!r} of {entity.name} is of the type {field.type}, which callers do not have;"
            f" compare a field of the type {', '.join(types)} or {last}"
        )
    if name in CALLER_ATTRIBUTES or name == LOGIN_NAME or attribute_for(name) != name:
        return (
            f"{name!r} of {entity.name} cannot be an attribute of callers: the name is reserved;"
            " rename the field"
        )
    return ""


def _row_claim(field: Field, name: FieldName) -> Claim:
    return Claim(
        name=ModuleName(name),
        claim=f"{ROW_CLAIM}.{field.attribute}",
        type=_TYPES[field.type],
        optional=field.optional,
        words=field.words,
        lengths=(field.min_length or 0, field.max_length),
    )
