"""Names of type aliases. Reason to change: which types of fields get an alias, or its name."""

from crudgen.codegen.code import INDENT, WIDTH, Code, literal, name, raw
from crudgen.language.names import FieldName
from crudgen.language.reserved import DERIVED_SUFFIXES
from crudgen.language.schema import Entity, Field, TypeName

_WITH_ARGUMENTS = {TypeName.ENUM, TypeName.DECIMAL, TypeName.BYTES}
"""Types of fields for which an alias is generated."""


def field_aliases(entity: Entity) -> dict[FieldName, Code]:
    """Return the names of type aliases by field: `HeroMood`.

    If that name is used or too long, the alias is `HeroMoodValue` or `Type3`.
    """
    suffixes = ("", *DERIVED_SUFFIXES)
    taken = {f"{entity.name}{suffix}" for suffix in suffixes}
    aliases = {}
    for number, field in enumerate(entity.fields):
        if field.type not in _WITH_ARGUMENTS and not (field.as_sent or field.controls):
            continue
        camel = "".join(part.capitalize() for part in field.name.split("_"))
        candidates = (
            name(entity.name, suffix=camel),
            name(entity.name, suffix=f"{camel}Value"),
            raw("Type") + literal(number),
            raw("Alias") + literal(number),
        )
        alias = next(alias for alias in candidates if _is_free(alias, field, taken))
        taken.add(alias)
        aliases[field.name] = alias
    return aliases


def _is_free(alias: Code, field: Field, taken: set[str]) -> bool:
    line = f"{field.attribute}: {alias} | None = Field("
    return alias not in taken and INDENT + len(line) <= WIDTH
