"""Rules in the long form. Reason to change: another key of `access`."""

from collections.abc import Sequence

from .access import NOBODY, WRITE, Access, Action, Right, RuleAboutRows
from .matrix import rule_text, rules_of
from .yaml.nodes import YamlValue


def explained_rules(access: Access) -> dict[str, YamlValue]:
    """Return the rules of an entity in the long form."""
    scope: dict[str, YamlValue] = {"tenant": str(access.tenant.field)} if access.tenant else {}
    found: dict[str, YamlValue] = {str(one): rules_for(access, one) for one in Action}
    fields: dict[str, YamlValue] = {}
    for one in access.fields:
        parts = {str(Action.READ): one.read, WRITE: one.write}
        fields[str(one.name)] = {
            key: _with_messages(
                [*allowed.who, *map(rule_text, allowed.about_rows)], allowed.about_rows
            )
            for key, allowed in parts.items()
            if allowed is not None
        }
    return scope | found | ({"fields": fields} if fields else {})


def rules_for(access: Access, action: Right) -> YamlValue:
    """Return the rules for an action, in the long form."""
    return _with_messages(rules_of(access, action), access.without_tenant.rules(action))


def _with_messages(texts: Sequence[str], rules: Sequence[RuleAboutRows]) -> YamlValue:
    """Return the texts of rules, each with the message of its rule if it has one."""
    said: dict[str, YamlValue] = {rule_text(one): one.says for one in rules if one.says}
    found = [{"rule": text, "says": said[text]} if text in said else text for text in texts]
    return [*found] or NOBODY
