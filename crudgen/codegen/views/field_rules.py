"""Source of the rules about fields. Reason to change: the code of a rule about a field."""

from collections.abc import Iterator

from crudgen.codegen.code import Code
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, pair
from crudgen.language.access import Access
from crudgen.language.schema import Entity

from .references import Entities
from .rule_conditions import rule_conditions


def field_rules(
    entity: Entity, access: Access, entities: Entities, imports: Imports
) -> Iterator[Bracket | Code]:
    """Yield `fields={"email": FieldAccess(read=[USER])}`, if there are rules about fields."""
    conditions = rule_conditions(entity, entities, imports)
    found = []
    for one in access.fields:
        arguments = [
            keyword(key, conditions.rule_list(allowed.who, allowed.about_rows))
            for key, allowed in (("read", one.read), ("write", one.write))
            if allowed is not None
        ]
        kind = imports.name("..kit.access.rules", "FieldAccess")
        found.append(pair(entity.field(one.name).attribute, call(kind, arguments)))
    if found:
        yield keyword("fields", Bracket("{", tuple(found), "}"))
