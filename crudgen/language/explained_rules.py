"""Rules in the long form. Reason to change: another key of `access`."""

from collections.abc import Sequence

from .access import NOBODY, WRITE, Access, Action, Right, RuleAboutRows
from .matrix import rule_text, rules_of
from .yaml.nodes import Plain


def explained_rules(access: Access) -> dict[str, Plain]:
    """Return the rules of an entity in the long form."""
    scope: dict[str, Plain] = {"tenant": str(access.tenant.field)} if access.tenant else {}
    found: dict[str, Plain] = {str(one): rules_for(access, one) for one in Action}
    fields: dict[str, Plain] = {}
    for one in access.fields:
        parts = {str(Action.READ): one.read, WRITE: one.write}
        fields[str(one.name)] = {
            key: _listed([*allowed.who, *map(rule_text, allowed.about_rows)], allowed.about_rows)
            for key, allowed in parts.items()
            if allowed is not None
        }
    return scope | found | ({"fields": fields} if fields else {})


def rules_for(access: Access, action: Right) -> Plain:
    """Return the rules for an action."""
    return _listed(rules_of(access, action), access.within_tenant.rules(action))


def _listed(texts: Sequence[str], rules: Sequence[RuleAboutRows]) -> Plain:
    """Return rules in the long form, as the texts say them, with their messages."""
    said: dict[str, Plain] = {rule_text(one): one.says for one in rules if one.says}
    found = [{"rule": text, "says": said[text]} if text in said else text for text in texts]
    return [*found] or NOBODY
