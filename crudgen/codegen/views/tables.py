"""View of `app/models.py`: the tables of all entities. Reason to change: the code of this file."""

from dataclasses import dataclass

from crudgen.codegen.code import Code, literal, raw
from crudgen.codegen.imports import Imports, export_order
from crudgen.codegen.layout import Bracket, statement
from crudgen.language.names import ClassName
from crudgen.language.schema import Schema

from .computed import computed_properties
from .links import own_links
from .variables import folder_name


@dataclass(frozen=True, slots=True)
class TablesView:
    """The imports of all table models, and their names."""

    imports: Code
    properties: tuple[Code, ...]
    names: Code


def has_relations(schema: Schema) -> bool:
    """Return whether a table refers to another one."""
    references = (field.reference for entity in schema.entities for field in entity.fields)
    return any(references) or any(entity.links for entity in schema.entities)


def tables_view(schema: Schema) -> TablesView:
    """Return the view of the module that imports all table models."""
    imports = Imports(schema.kit, defined=[str(entity.name) for entity in schema.entities])
    properties = tuple(computed_properties(schema.entities, imports))
    names: list[ClassName] = []
    for entity in schema.entities:
        folder = folder_name(entity.plural)
        imports.use(f".{folder}.models", entity.name)
        names.append(entity.name)
        for link in own_links(entity):
            imports.use(f".{folder}.links", link.name)
            names.append(link.name)
    listed = tuple(literal(str(name)) for name in sorted(names, key=export_order))
    exported = statement(raw("__all__ = "), Bracket("[", listed, "]"))
    return TablesView(imports.code(), properties, exported)
