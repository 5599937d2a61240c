"""Resolves fields. Reason to change: the meaning of an option of fields."""

from dataclasses import replace
from typing import TypeGuard
from unicodedata import is_normalized

from crudgen.language import patterns
from crudgen.language.names import FieldName, NamingConventions
from crudgen.language.schema import Field, TypeName
from crudgen.language.types import INT64_MAX, INT64_MIN
from crudgen.language.written.field import WrittenField, WrittenType
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.relations import ReferenceSpec
from crudgen.language.written.spec import EntitySpec, FieldSpec
from crudgen.language.yaml.problems import Problems, quoted

from .bounds import with_bounds
from .computed import as_computed
from .defaults import with_default_and_example
from .enums import with_enum
from .flags import check_flags
from .former_names import with_former_names
from .naming import Names, default_names_of_field, names_of_field
from .sample import samples


def implicit_key(conventions: NamingConventions) -> Field:
    """Return the field `id` that an entity without a primary key field gets."""
    return Field(
        *default_names_of_field(FieldName("id"), conventions),
        TypeName.INT,
        minimum=INT64_MIN,
        maximum=INT64_MAX,
        pk=True,
        read_only=True,
        samples=(1, 2),
    )


def resolve_fields(
    written: WrittenSpec[EntitySpec], conventions: NamingConventions, problems: Problems
) -> dict[str, Field]:
    """Return the valid fields by name, without references. A generated key `id` comes first."""
    found: dict[str, Field] = {}
    specs = {name: spec for name, spec in written.spec.fields.items() if _is_not_reference(spec)}
    for name, spec in specs.items():
        field = _resolve_field(
            WrittenField(written, name, spec, problems, len(problems)), conventions
        )
        if field:
            found[name] = replace(field, line=written.locate_key("fields", name).line)
    _check_primary_keys(written, [name for name, spec in specs.items() if spec.pk], problems)
    if not any(spec.pk for spec in specs.values()):
        key = replace(implicit_key(conventions), line=written.locate("name").line)
        found = {"id": key, **found}
    return found


def _is_not_reference(spec: FieldSpec | ReferenceSpec) -> TypeGuard[FieldSpec]:
    return isinstance(spec, FieldSpec)


def _check_primary_keys(
    written: WrittenSpec[EntitySpec], keys: list[str], problems: Problems
) -> None:
    for name in keys[1:]:
        location = written.locate_key("fields", name, "pk")
        problems.add(
            location, f"the entity already has a primary key: {quoted(keys[0])}", "remove one 'pk'"
        )
    if not keys and "id" in written.spec.fields and "id" not in written.broken:
        location = written.locate_key("fields", "id")
        problem = "'id' is the name of the generated primary key"
        is_typed = _is_not_reference(written.spec.fields["id"])
        problems.add(
            location, problem, "mark this field 'pk', or rename it" if is_typed else "rename it"
        )


def _resolve_field(written: WrittenType, conventions: NamingConventions) -> Field | None:
    names = names_of_field(written, conventions)
    check_flags(written)
    if names is None or not written.has_no_problem:
        return None
    field = _base_field(written, names)
    for step in (
        with_bounds,
        _with_pattern,
        with_enum,
        with_default_and_example,
        with_former_names,
        _with_samples,
    ):
        field = step(written, field)
        if not written.has_no_problem:
            return None
    return as_computed(field) if field.computed else field


def _base_field(written: WrittenType, names: Names) -> Field:
    spec = written.spec
    field = Field(
        *names,
        spec.type,
        optional=spec.optional,
        pk=spec.pk,
        index=spec.index,
        unique=spec.unique,
        read_only=spec.read_only or (spec.pk and spec.type is TypeName.UUID),
        write_only=spec.write_only,
        immutable=spec.immutable,
        touch=spec.touch,
        computed=spec.computed,
        as_sent=spec.as_sent,
        controls=spec.controls,
        doc=spec.doc or None,
    )
    if spec.pk:
        field = replace(field, immutable=not field.read_only)
    return field


def _with_pattern(written: WrittenType, field: Field) -> Field:
    pattern = written.spec.pattern
    if pattern is None:
        return field
    reason = patterns.pattern_problem(pattern)
    if reason:
        written.add("pattern", reason)
    elif not field.as_sent and not is_normalized("NFC", pattern):
        remedy = "normalize the pattern, or add the flag 'as_sent': text is stored in NFC"
        written.add("pattern", "the pattern is not in Unicode NFC", remedy)
    return replace(field, pattern=pattern)


def _with_samples(written: WrittenType, field: Field) -> Field:
    found = samples(field)
    if found:
        return replace(field, samples=found)
    key = "pattern" if written.spec.is_set("pattern") else "type"
    problem = "no valid value was found for the generated tests"
    written.add(key, problem, "add a valid 'example'; the tests use it")
    return field
