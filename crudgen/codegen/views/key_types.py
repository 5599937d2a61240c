"""Types of keys in paths, queries and bodies. Reason to change: the types of keys."""

from crudgen.codegen.code import Code
from crudgen.codegen.imports import Imports
from crudgen.language.schema import Entity, TypeName


def path_key_type(entity: Entity, imports: Imports) -> Code:
    """Return the type of a key of an entity in a path or a query."""
    key = entity.key
    if key.type is TypeName.INT:
        return imports.name("..kit.types.scalars", "IntText")
    return body_key_type(entity, imports)


def body_key_type(entity: Entity, imports: Imports) -> Code:
    """Return the type of a key of an entity in a request body that contains only keys."""
    key = entity.key
    if key.type is TypeName.STR:
        if key.as_sent:
            return imports.builtin("str")
        return imports.name("..kit.types.text_key", "NfcText")
    if key.type is TypeName.INT:
        return imports.name("..kit.types.keys", "IntKey")
    return imports.name("..kit.types.uuids", "UuidText")
