"""YAML nodes of seeds → rows with typed values. Reason to change: how seeds are written."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from crudgen.errors import SpecError
from crudgen.language.names import FieldName
from crudgen.language.relations import Relation, RelationKind
from crudgen.language.resolve.values import as_stored, to_value, value_problem
from crudgen.language.schema import Entity, Field, Schema, TypeName, Value
from crudgen.language.written.value_types import describe_value
from crudgen.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence, node_value
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .row_contents import identities_of, is_written, naming_fields, required_fields
from .seed_rows import Linked, Lookup, SeedRow


def read_rows(schema: Schema, documents: Iterable[Mapping]) -> list[SeedRow]:
    """Return the rows of all files, in their order. Raises SpecError with all problems."""
    reader = _Reader(schema)
    rows = [row for document in documents for row in reader.rows(document)]
    if reader.problems:
        raise SpecError(reader.problems.sorted_diagnostics())
    return rows


class _Reader:
    """Reads rows, and collects the problems in them."""

    def __init__(self, schema: Schema) -> None:
        self._entities = {str(one.name): one for one in schema.entities}
        self.problems = Problems()

    def rows(self, document: Mapping) -> Iterator[SeedRow]:
        for entry in document.entries:
            entity = self._entities.get(entry.key)
            if entity is None:
                problem = f"there is no entity {quoted(entry.key)}"
                self.problems.add(entry.location, problem, suggest(entry.key, self._entities))
            elif not isinstance(entry.value, Sequence):
                found = describe_value(node_value(entry.value))
                such = f"such as '{entity.name}: [{{…}}, …]'"
                problem = f"expected a list of rows, found {found}"
                self.problems.add(entry.value.location, problem, such)
            else:
                yield from (self._row(entity, item) for item in entry.value.items)

    def _row(self, entity: Entity, node: Node) -> SeedRow:
        row = SeedRow(entity, node.location)
        if not isinstance(node, Mapping):
            problem = f"expected a row, found {describe_value(node_value(node))}"
            self.problems.add(node.location, problem, "write its fields: {name: Deadpond}")
            return row
        before = len(self.problems)
        for entry in node.entries:
            self._read_entry(row, entry)
        if len(self.problems) == before:
            self._check_required(row)
            self._set_identity(row)
        return row

    def _read_entry(self, row: SeedRow, entry: Entry) -> None:
        entity = row.entity
        fields = {str(one.name): one for one in entity.fields}
        relations = {str(one.name): one for one in entity.relations}
        if field := fields.get(entry.key):
            self._read_field(row, field, entry)
        elif relation := relations.get(entry.key):
            self._read_relation(row, relation, entry)
        elif any(str(one.name) == entry.key for one in entity.computed):
            problem = f"'{entry.key}' is computed, so no row stores it"
            self.problems.add(entry.location, problem, "remove it")
        else:
            own = [str(one.name) for one in entity.relations if is_written(one)]
            problem = f"{entity.name} has no field {quoted(entry.key)}"
            self.problems.add(entry.location, problem, suggest(entry.key, [*fields, *own]))

    def _read_field(self, row: SeedRow, field: Field, entry: Entry) -> None:
        if field.name in row.places:
            problem = f"'{entry.key}' is given twice: by its relation too"
            self.problems.add(entry.location, problem, "remove one of them")
            return
        before = len(self.problems)
        value = self._value(field, entry.value)
        row.places[field.name] = entry.value.location
        if len(self.problems) > before:
            return
        if field.reference is None or value is None:
            row.values[field.name] = value
            return
        target = self._entities[field.reference.target]
        text = f"{target.key.name} {quoted(node_value(entry.value))}"
        by_key: tuple[dict[FieldName, Value], ...] = ({target.key.name: value},)
        row.references[field.name] = Lookup(entry.value.location, target, by_key, text)

    def _read_relation(self, row: SeedRow, relation: Relation, entry: Entry) -> None:
        target = self._entities[relation.target]
        if relation.kind is RelationKind.MANY_TO_ONE and relation.by is not None:
            field = row.entity.field(relation.by)
            if isinstance(entry.value, Scalar) and entry.value.value is None:
                self._read_field(row, field, entry)
            elif field.name in row.places:
                problem = f"'{entry.key}' is given twice: by '{field.name}' too"
                self.problems.add(entry.location, problem, "remove one of them")
            elif lookup := self._lookup(target, entry.value):
                row.references[field.name] = lookup
                row.places[field.name] = entry.value.location
        elif relation.link is not None and not relation.link.via:
            if not isinstance(entry.value, Sequence):
                problem = f"expected a list of rows of {target.name}"
                self.problems.add(entry.value.location, problem, f"such as '{entry.key}: [a, b]'")
                return
            found = [self._lookup(target, item) for item in entry.value.items]
            lookups = tuple(one for one in found if one is not None)
            row.links.append(Linked(relation, relation.link, lookups))
        else:
            other = relation.target if relation.link is None else relation.link.name
            problem = f"'{entry.key}' is stored by the rows of {other}"
            self.problems.add(entry.location, problem, f"write it there: '{other}: [{{…}}]'")

    def _lookup(self, target: Entity, node: Node) -> Lookup | None:
        """Return the description of a row: by a value of one field, or by a map of fields."""
        if isinstance(node, Mapping):
            return self._lookup_by_fields(target, node)
        if isinstance(node, Sequence) or node.value is None:
            problem = f"expected a row of {target.name}, found {describe_value(node_value(node))}"
            self.problems.add(node.location, problem, "write its name, or a map of its fields")
            return None
        found: list[dict[FieldName, Value]] = [
            {field.name: value}
            for field in naming_fields(target)
            if (value := _valid_value(field, node)) is not None
        ]
        if found:
            text = quoted(node_value(node))
            return Lookup(node.location, target, tuple(found), text)
        names = [str(field.name) for field in naming_fields(target)]
        problem = f"no {target.name} is named {quoted(node_value(node))}"
        if names:
            remedy = f"its names are those of {', '.join(names)}"
        else:
            remedy = f"write fields of the row: '{{{target.key.name}: …}}'"
        self.problems.add(node.location, problem, remedy)
        return None

    def _lookup_by_fields(self, target: Entity, node: Mapping) -> Lookup | None:
        fields = {str(one.name): one for one in target.fields if one.type is not TypeName.JSON}
        before, values = len(self.problems), dict[FieldName, Value]()
        for entry in node.entries:
            if field := fields.get(entry.key):
                values[field.name] = self._value(field, entry.value)
            else:
                problem = f"{target.name} has no field {quoted(entry.key)}"
                self.problems.add(entry.location, problem, suggest(entry.key, fields))
        if not values and len(self.problems) == before:
            self.problems.add(node.location, f"which {target.name} is not said", "name a field")
        if len(self.problems) > before:
            return None
        text = ", ".join(f"{name} {quoted(value)}" for name, value in values.items())
        return Lookup(node.location, target, (values,), text)

    def _value(self, field: Field, node: Node) -> Value:
        try:
            return _stored_value(field, node)
        except ValueError as error:
            message, remedy = (*error.args, "")[:2]
            if field.words and isinstance(word := node_value(node), str):
                remedy = suggest(word, field.words)
            problem = f"invalid value of '{field.name}': {message}"
            self.problems.add(node.location, problem, remedy)
            return None

    def _check_required(self, row: SeedRow) -> None:
        for field in required_fields(row.entity):
            if field.name in row.given_fields:
                continue
            if field.preset is not None:
                problem = f"'{field.name}' is missing: its default is the caller, and there is none"
                self.problems.add(row.location, problem, "write its value")
            else:
                self.problems.add(row.location, f"'{field.name}' is missing", "write its value")

    def _set_identity(self, row: SeedRow) -> None:
        """Choose the fields that identify the row: its key, or unique ones that are not null."""
        given = {name for name in row.given_fields if row.values.get(name, True) is not None}
        identities = identities_of(row.entity)
        found = next((names for names in identities if given.issuperset(names)), None)
        if found is not None:
            row.identity = found
            return
        unique = [", ".join(names) for names in identities]
        problem = "nothing identifies the row: another one would be inserted each time"
        self.problems.add(row.location, problem, f"write its {' or '.join(unique)}")


def _valid_value(field: Field, node: Scalar) -> Value:
    """Return the value of a field, or None if the scalar is not valid for it."""
    try:
        return _stored_value(field, node)
    except ValueError:
        return None


def _stored_value(field: Field, node: Node) -> Value:
    """Return a value as it is stored. Raises ValueError with a message, and perhaps a remedy."""
    written = node_value(node)
    if written is None and field.type is not TypeName.JSON:
        value = None
    else:
        value = None if written is None else as_stored(field, to_value(field.type, written))
    if problem := value_problem(field, value):
        raise ValueError(problem)
    if isinstance(value, Decimal):
        return value.quantize(Decimal(1).scaleb(-(field.scale or 0)))
    return value
