"""Resolves references. Reason to change: the meaning of an option of references."""

from crudgen.language.names import ClassName
from crudgen.language.relations import OnDelete, Reference
from crudgen.language.schema import Constant, Field
from crudgen.language.written.field import WrittenField, WrittenReference
from crudgen.language.written.relations import ReferenceSpec

from .defaults import with_default_and_example
from .draft import Draft, Drafts
from .flags import check_read_and_write_flags
from .former_names import with_former_names
from .naming import Names, names_of_field
from .order import with_order

_NOT_EMPTY = frozenset({"relation", "inverse", "order", "doc", "was"})
"""Options that need a value."""


def resolve_references(draft: Draft, drafts: Drafts) -> None:
    """Add the references to the fields of an entity."""
    found: dict[str, Field] = {}
    for name, spec in draft.written.spec.fields.items():
        if isinstance(spec, ReferenceSpec):
            before = len(drafts.problems)
            written = WrittenField(draft.written, name, spec, drafts.problems, before)
            field = _resolve_reference(written, drafts)
            if field:
                found[name] = field
    if found:
        fields = {**draft.fields, **found}
        written_names = draft.written.spec.fields
        order = [*(fields.keys() - written_names.keys()), *written_names]
        draft.fields = {name: fields[name] for name in order if name in fields}
    for name, field in found.items():
        draft.fields[name] = with_order(draft, field, drafts.problems)


def _resolve_reference(written: WrittenReference, drafts: Drafts) -> Field | None:
    names = names_of_field(written, drafts.conventions)
    _check_options(written)
    target = drafts.find(written.spec.to, lambda: written.locate("to"))
    key = target.key if target else None
    if names is None or target is None or key is None or not written.has_no_problem:
        return None
    field = with_default_and_example(
        written, _base_field(written, names, target.identity.name, key)
    )
    field = with_former_names(written, field)
    return field if written.has_no_problem else None


def _base_field(written: WrittenReference, names: Names, target: ClassName, key: Field) -> Field:
    """Return the field with the type and the limits of the key that it refers to."""
    spec = written.spec
    return Field(
        *names,
        key.type,
        default=Constant(None) if spec.optional else None,
        optional=spec.optional,
        unique=spec.unique,
        read_only=spec.read_only,
        write_only=spec.write_only,
        immutable=spec.immutable,
        doc=spec.doc or None,
        reference=Reference(target, spec.on_delete),
        minimum=key.minimum,
        maximum=key.maximum,
        min_length=key.min_length,
        max_length=key.max_length,
        pattern=key.pattern,
        as_sent=key.as_sent,
        samples=key.samples,
        line=written.locate_key().line,
    )


def _check_options(written: WrittenReference) -> None:
    spec = written.spec
    for key in _NOT_EMPTY & spec.model_fields_set:
        if getattr(spec, key) is None:
            written.add(key, f"'{key}' is empty", "set a value, or remove it")
    check_read_and_write_flags(written)
    if spec.on_delete is OnDelete.SET_NULL and not spec.optional:
        problem = "'set_null' requires a reference that accepts null"
        written.add("on_delete", problem, f"write '-> {spec.to}? set_null'")
