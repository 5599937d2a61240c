"""Source of the relations of a resource. Reason to change: the arguments of RelatedResource."""

from collections.abc import Iterator

from crudgen.codegen.code import Code, attribute_name, json_name, literal, name
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, pair
from crudgen.language.names import FieldName
from crudgen.language.relations import Link, RelatedPath, RelationKind
from crudgen.language.schema import Entity

from .collections import written_by_keys
from .computed import import_table_model
from .references import Entities
from .relation_nodes import PUBLIC, Nodes, RelationNode, has_related
from .variables import folder_name, models_module

_RELATION_CLASSES = {
    RelationKind.MANY_TO_ONE: "ManyToOne",
    RelationKind.ONE_TO_ONE: "OneToOne",
    RelationKind.ONE_TO_MANY: "OneToMany",
    RelationKind.MANY_TO_MANY: "ManyToMany",
}


def related_names(nodes: Nodes) -> Iterator[str]:
    """Yield the names of the classes that the routes of an entity import for its relations."""
    for node in nodes.values():
        yield from (node.target.name, str(node.public))
        if node.relation.link is not None:
            yield node.relation.link.name
        if node.nodes:
            yield from related_names(node.nodes)


class RelatedArguments:
    """Builds the arguments of a RelatedResource, and collects their imports."""

    def __init__(self, entity: Entity, entities: Entities, nodes: Nodes, imports: Imports) -> None:
        self._entity = entity
        self._entities = entities
        self._imports = imports
        self._nodes = nodes

    def arguments(self) -> Iterator[Bracket | Code]:
        """Yield `with_related=HeroPublicWithRelated, relations={…}` and so on."""
        api = self._entity.api
        model = name(self._entity.name, suffix="Public")
        if has_related(self._entity):
            model = name(self._entity.name, suffix=PUBLIC)
            self._imports.use(".related", model)
        yield keyword("with_related", model)
        yield keyword("relations", self._relations_dict(self._nodes))
        if [*api.include] != [(one,) for one in self._nodes]:
            yield keyword("include", Bracket("[", tuple(map(self._include_path, api.include)), "]"))
        for key, names in (("embed", api.embed), ("counts", api.counts)):
            if names:
                attributes = (self._entity.relation(one).attribute for one in names)
                yield keyword(key, Bracket("[", tuple(map(attribute_name, attributes)), "]"))
        if linked := written_by_keys(self._entity, self._entities):
            pairs = tuple(
                pair(str(one.relation.attribute), attribute_name(one.keys)) for one in linked
            )
            yield keyword("keys", Bracket("{", pairs, "}"))
            inverse = tuple(
                attribute_name(one.relation.attribute)
                for one in linked
                if one.is_inverse and self._entity.access is not None
            )
            if inverse:
                yield keyword("inverse", Bracket("[", inverse, "]"))
        if api.related:
            paths = tuple(literal(self._related_path(path)) for path in api.related)
            yield keyword("related", Bracket("[", paths, "]"))

    def _related_path(self, path: RelatedPath) -> str:
        """Return a path to filter by, with attributes: `team__name`, `heroes__any__age`."""
        entity, words = self._entity, list[str]()
        for step, is_many in zip(path.steps, path.to_many, strict=True):
            relation = entity.relation(step)
            words += [str(relation.attribute), "any"] if is_many else [str(relation.attribute)]
            entity = self._entities[relation.target]
        if path.field is not None:
            return "__".join([*words, str(entity.field(path.field).attribute)])
        return "__".join(words[:-1] if path.to_many[-1] else words)

    def _include_path(self, path: tuple[FieldName, ...]) -> Code:
        """Return a path of attributes: `"team__country"`."""
        entity, steps = self._entity, []
        for step in path:
            relation = entity.relation(step)
            steps.append(str(relation.attribute))
            entity = self._entities[relation.target]
        return literal("__".join(steps))

    def _relations_dict(self, nodes: Nodes) -> Bracket:
        items = [
            pair(node.relation.attribute, self._relation_call(node)) for node in nodes.values()
        ]
        return Bracket("{", items, "}")

    def _relation_call(self, node: RelationNode) -> Bracket:
        """Return `ManyToOne(Team, TeamPublic, by="team_id")`."""
        relation, target = node.relation, node.target
        if node.has_class:
            self._import_models(target, target.name)
            self._imports.use(".related", node.public)
        else:
            self._import_models(target, target.name, node.public)
        arguments: list[Bracket | Code] = [name(target.name), node.public]
        if relation.link is not None:
            arguments.append(self._import_link_model(relation.link))
        arguments += self._reference_arguments(node)
        if relation.order:
            order = (
                ("-" if descends else "") + target.field(field).attribute
                for field, descends in relation.order
            )
            arguments.append(keyword("order", Bracket("[", tuple(map(literal, order)), "]")))
        if not node.is_included and str(relation.json_name) != relation.attribute:
            arguments.append(keyword("json_name", json_name(relation.json_name)))
        if node.nodes:
            arguments.append(keyword("relations", self._relations_dict(node.nodes)))
        kind = _RELATION_CLASSES[relation.kind]
        return call(self._imports.name("..kit.query.relations", kind), arguments)

    def _reference_arguments(self, node: RelationNode) -> Iterator[Bracket | Code]:
        """Yield the attributes of the references."""
        relation = node.relation
        if relation.near is not None and relation.far is not None:
            yield keyword("by", attribute_name(relation.near.attribute))
            yield keyword("to", attribute_name(relation.far.attribute))
        elif node.by is not None:
            yield keyword("by", attribute_name(node.by.attribute))

    def _import_link_model(self, link: Link) -> Code:
        owner = self._entities[link.name if link.via else link.ends[0].entity]
        folder = folder_name(owner.plural)
        module = "models" if link.via else "links"
        is_own = owner is self._entity
        self._imports.use(f".{module}" if is_own else f"..{folder}.{module}", link.name)
        return name(link.name)

    def _import_models(self, target: Entity, *imported: str) -> None:
        is_own = target is self._entity
        module = ".models" if is_own else models_module(target.plural)
        if is_own and target.name in imported:
            import_table_model(target, self._entities, self._imports)
            imported = tuple(one for one in imported if one != target.name)
        if imported:
            self._imports.use(module, *imported)
