"""Source of the conditions of rules. Reason to change: how a rule names a column or a claim."""

from collections.abc import Iterable, Iterator

from crudgen.codegen.code import Code, identifier, literal, name, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, Comparison, call, keyword, statement
from crudgen.language.access import ANYONE, USER, Access, RuleAboutRows
from crudgen.language.conditions.text import condition_text
from crudgen.language.conditions.tree import Condition, IsTrue, fields_of
from crudgen.language.names import ClaimName, FieldName, PathName, VersionName
from crudgen.language.schema import Entity

from .columns import FieldPrinter
from .conditions import ConditionPrinter, Source
from .references import Entities
from .rule_paths import path_source


class RuleConditionPrinter(ConditionPrinter):
    """Builds conditions about the columns of a model and the claims of the caller."""

    def __init__(
        self, entity: Entity, entities: Entities, imports: Imports, printer: FieldPrinter
    ) -> None:
        super().__init__(entity, imports, printer)
        self._entities = entities

    def rule_list(self, who: Iterable[str], about_rows: Iterable[RuleAboutRows]) -> Bracket:
        """Return `[role("editor"), USER.when(…)]`."""
        rules: list[Bracket | Code] = [self._rule_subject(one) for one in who]
        rules += [self.when_call(one) for one in about_rows]
        return Bracket("[", tuple(rules), "]")

    def _rule_subject(self, who: str) -> Code:
        """Return `ANYONE`, `USER` or `role("editor")`."""
        constants = {ANYONE: "ANYONE", USER: "USER"}
        if who in constants:
            return self._imports.name("..kit.access.rules", constants[who])
        role = self._imports.name("..kit.access.rules", "role")
        return statement(raw(""), call(role, [literal(who)]))

    def when_call(self, rule: RuleAboutRows) -> Bracket:
        """Return `USER.when("owner_id = me.id", col(Hero.owner_id) == me.id)`."""
        arguments: list[Source | Code] = [
            literal(text_of(rule.condition, self._entity)),
            self.source(rule.condition),
        ]
        if rule.says is not None:
            arguments.append(keyword("says", literal(rule.says)))
        return call(self._rule_subject(rule.who) + raw(".when"), arguments)

    def source(self, condition: Condition) -> Source:
        """Return the source of a condition."""
        if isinstance(condition, IsTrue):
            true = call(self._imports.name("sqlalchemy", "true"), [])
            return Comparison(self._column(condition.operand.name), "==", true)
        return super().source(condition)

    def _column(self, name_of: FieldName, *, has_type: bool = False) -> Bracket:
        del has_type  # a mapped column has its type
        if isinstance(name_of, ClaimName):
            me = self._imports.name("..caller", "me")
            claim = me + raw(".") + identifier(name_of.removeprefix("me."))
            return Bracket("", (), "").surrounded_by(claim)
        if isinstance(name_of, PathName):
            return path_source(name_of, self._entity, self._entities, self._imports)
        model = name(self._entity.name)
        if isinstance(name_of, VersionName):
            model, name_of = identifier(name_of.partition(".")[0]), name_of.field
        field = self._entity.field(name_of)
        column = model + raw(".") + name(field.attribute)
        return call(self._imports.name("sqlmodel", "col"), [column])


def text_of(condition: Condition, entity: Entity) -> str:
    """Return the text of a condition, with the names that clients know."""
    names = {one.name: str(one.json_name) for one in entity.fields}
    for version in ("old", "new"):
        names |= {
            VersionName(f"{version}.{one.name}"): f"{version}.{one.json_name}"
            for one in entity.fields
        }
    return condition_text(condition, names)


def rule_conditions(entity: Entity, entities: Entities, imports: Imports) -> RuleConditionPrinter:
    """Return the printer of the conditions of an entity's rules."""
    return RuleConditionPrinter(entity, entities, imports, FieldPrinter({}, imports, Entities()))


def names_caller(access: Access | None) -> bool:
    """Return whether a rule is about claims of the caller."""
    return any(isinstance(one, ClaimName) for one in _names_in_conditions(access))


def follows_relations(access: Access | None) -> bool:
    """Return whether a rule is about related rows."""
    return any(isinstance(one, PathName) for one in _names_in_conditions(access))


def _names_in_conditions(access: Access | None) -> Iterator[FieldName]:
    """Yield the fields, claims and paths that the conditions of rules name."""
    for condition in () if access is None else access.conditions:
        yield from fields_of(condition)


def version_assignments(entity: Entity, imports: Imports) -> Iterator[Code]:
    """Yield `old = old_version(Hero)`, and the same for `new`, if rules name them."""
    rules = () if entity.access is None else entity.access.about_rows
    named = {one for rule in rules for one in fields_of(rule.condition)}
    for version in ("old", "new"):
        if any(isinstance(one, VersionName) and one.startswith(f"{version}.") for one in named):
            function = imports.name("..kit.access.versions", f"{version}_version")
            head = identifier(version) + raw(" = ")
            yield statement(head, call(function, [name(entity.name)]))
