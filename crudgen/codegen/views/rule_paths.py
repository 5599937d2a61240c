"""Source of paths over relations in rules. Reason to change: how a rule follows a relation."""

from crudgen.codegen.code import Code, name, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call
from crudgen.language.names import FieldName, PathName
from crudgen.language.relations import RelationKind
from crudgen.language.schema import Entity

from .references import Entities
from .variables import folder_name


def path_source(path: PathName, entity: Entity, entities: Entities, imports: Imports) -> Bracket:
    """Return `related_value(Hero.team_id, Team.lead_id)`, or `related_values(…)`."""
    *steps, last = path.split(".")
    arguments: list[Bracket | Code] = []
    near, is_many = entity, False
    for step in steps:
        relation = near.relation(FieldName(step))
        target = entities[relation.target]
        if relation.by is None:
            raise ValueError(f"{step} is a link")
        if relation.kind is RelationKind.MANY_TO_ONE:
            arguments.append(_model_attribute(near, relation.by, entity, imports))
        else:
            reverse = imports.name("..kit.access.paths", "reverse")
            arguments.append(
                call(reverse, [_model_attribute(target, relation.by, entity, imports)])
            )
        near, is_many = target, is_many or relation.is_many
    arguments.append(_model_attribute(near, FieldName(last), entity, imports))
    function = imports.name("..kit.access.paths", "related_values" if is_many else "related_value")
    return call(function, arguments)


def _model_attribute(owner: Entity, field: FieldName, entity: Entity, imports: Imports) -> Code:
    """Return `Team.lead_id`, and import its model."""
    model = name(owner.name)
    if owner.name != entity.name:
        model = imports.own(f"..{folder_name(owner.plural)}.models", str(owner.name))
    return model + raw(".") + name(owner.field(field).attribute)
