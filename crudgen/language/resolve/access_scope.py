"""Resolves `owner` and `tenant` of rules. Reason to change: what these words mean."""

from dataclasses import dataclass, replace

from crudgen.language.access import ANYONE, OWNER, USER, Access, RuleAboutRows, Tenant
from crudgen.language.conditions.tree import And, Condition, fields_of
from crudgen.language.indexes import Index
from crudgen.language.names import ClaimName
from crudgen.language.ranges import MAX_INDEX
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems, quoted

from .access_conditions import ConditionReader
from .draft import Draft

TENANT = "tenant"
SCOPES = (OWNER, TENANT)
"""The keys of `access` that name a field."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the words `owner` and `tenant` add to rules; None if the spec has no such key."""

    owner: Condition | None = None
    tenant: Condition | None = None

    def with_owner_condition(self, rule: RuleAboutRows) -> RuleAboutRows:
        """Return the rule; if it is about `owner`, about users, with the condition of the owner."""
        if rule.who != OWNER or self.owner is None:
            return rule
        return replace(rule, who=USER, condition=joined_with_and(self.owner, rule.condition))

    def within_tenant(self, access: Access) -> Access:
        """Return the rules, limited to the rows of the caller's tenant."""
        if self.tenant is None:
            return access
        rules = [
            RuleAboutRows(action, who, self.tenant)
            for action in access.rights
            for who in access.callers_for_all_rows(action)
        ]
        rules += [
            replace(one, condition=joined_with_and(self.tenant, one.condition))
            for one in access.about_rows
        ]
        (name,) = (one for one in fields_of(self.tenant) if not isinstance(one, ClaimName))
        actions = tuple((action, ()) for action, _ in access.actions)
        tenant = Tenant(name, self.tenant, access)
        return Access(about_rows=tuple(rules), tenant=tenant, actions=actions)


def field_named_by(written: WrittenSpec[EntitySpec], key: str) -> str | None:
    """Return the name of the field that a key of `access` names, if it has the form of one."""
    rules = written.spec.access
    found = rules.get(key) if isinstance(rules, dict) else None
    return found if isinstance(found, str) else None


def resolve_scope(written: WrittenSpec[EntitySpec], conditions: ConditionReader) -> Scope:
    """Return what `owner` and `tenant` add to rules; add a problem if one names no field."""
    rules = written.spec.access
    found: dict[str, Condition | None] = {}
    for key in SCOPES:
        if not isinstance(rules, dict) or key not in rules:
            continue
        name = field_named_by(written, key)
        if name is None or not name.isidentifier():
            location = written.locate("access", key)
            conditions.problems.add(location, "expected the name of a field", f"such as '{key}_id'")
            continue
        text = f"{name} = me" if key == OWNER else f"{name} = me.{name}"
        found[key] = conditions.parse_scope_condition(text, ("access", key))
    return Scope(**found)


def joined_with_and(first: Condition, second: Condition) -> And:
    """Return the condition that both conditions are true."""
    rest = second.conditions if isinstance(second, And) else (second,)
    return And((first, *rest))


def check_tenant(
    written: WrittenSpec[EntitySpec], scope: Scope, access: Access, problems: Problems
) -> None:
    """Check that all callers in the rules have a tenant: `anyone` has none."""
    if scope.tenant is None or not any(
        ANYONE in access.allowed_callers(one) for one in access.rights
    ):
        return
    problem = f"{ANYONE!r} has no tenant, and this entity has 'tenant'"
    problems.add(written.locate("access", TENANT), problem, "let rules name user, or a role")


def scope_fields(draft: Draft) -> set[str]:
    """Return the names of the fields with the owner and the tenant of a row."""
    return {name for key in SCOPES if (name := field_named_by(draft.written, key))}


def add_tenant_to_unique_constraints(draft: Draft, problems: Problems) -> None:
    """Add the tenant to unique constraints, except to that of a unique reference."""
    tenant = field_named_by(draft.written, TENANT)
    if tenant is None or tenant not in draft.fields:
        return
    found = []
    scope = draft.fields[tenant].name
    for index in draft.indexes:
        is_within = index.unique and scope not in index.fields
        found.append(replace(index, fields=(scope, *index.fields)) if is_within else index)
        if len(found[-1].fields) > MAX_INDEX:
            problem = f"with {quoted(tenant)}, the list of {quoted(index.fields[0])} is too long"
            location = draft.written.locate("access", TENANT)
            problems.add(location, problem, f"a unique list has {MAX_INDEX} fields at most")
    for name, field in draft.fields.items():
        if field.unique and field.reference is None and name != tenant:
            draft.fields[name] = replace(field, unique=False)
            found.append(Index((scope, field.name), unique=True))
    draft.indexes = tuple(found)
