"""Source of resources that create rows together. Reason to change: their arguments."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, attribute_name, name
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, pair
from crudgen.language.schema import Entity

from .bodies import CREATED
from .collections import Collection, created_together
from .computed import import_table_model
from .references import Entities
from .variables import folder_name


def composite_names(entity: Entity, entities: Entities) -> set[str]:
    """Return the names that the routes of an entity import to create rows together."""
    found = created_together(entity, entities)
    names = set[str]()
    for one in found:
        names |= {str(one.target.name), f"{one.target.name}Public"}
    return names


def composite_arguments(
    entity: Entity, entities: Entities, imports: Imports
) -> Iterator[Bracket | Code]:
    """Yield `created=OrderPublicWithCreated, creates={"lines": OneToMany(…)}`, if needed."""
    found = created_together(entity, entities)
    if found:
        created = name(entity.name, suffix=CREATED)
        imports.use(".bodies", created)
        items = tuple(_one_to_many_item(one, entity, entities, imports) for one in found)
        yield keyword("created", created)
        yield keyword("creates", Bracket("{", items, "}"))


def _one_to_many_item(
    one: Collection, entity: Entity, entities: Entities, imports: Imports
) -> Bracket | Code:
    """Return `"lines": OneToMany(OrderLine, OrderLinePublic, by="order_id")`."""
    public = name(one.target.name, suffix="Public")
    is_own = one.target.name == entity.name
    module = ".models" if is_own else f"..{folder_name(one.target.plural)}.models"
    imports.use(module, public)
    if is_own:
        import_table_model(entity, entities, imports)
    else:
        imports.use(module, one.target.name)
    arguments: list[Bracket | Code] = [name(one.target.name), public]
    if one.reference is not None:
        arguments.append(keyword("by", attribute_name(one.reference.attribute)))
    relation = call(imports.name("..kit.query.relations", "OneToMany"), arguments)
    return pair(str(one.relation.attribute), relation)
