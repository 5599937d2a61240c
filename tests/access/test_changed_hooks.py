"""Changes of the kit that let functions do what their caller may not: each makes a test fail."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from crudgen.delivery.memory import unload
from tests.hooks import test_callers as callers
from tests.hooks import test_changed_rows as changed_rows
from tests.hooks.city import package_of

GUARDED, CALLS = "app/kit/hooks/guarded.py", "app/kit/hooks/function_calls.py"
CHANGED = "app/kit/access/changed_rows.py"
FAILURES = (AssertionError, pytest.fail.Exception)
Test = Callable[[Any, str, Callable[[str], str]], None]
OF_CALLERS: Mapping[str, tuple[Test, Sequence[str]]] = {
    "writes of functions": (
        callers.test_rules_of_the_caller,
        (GUARDED, "_guarded_rows(rows).view(caller).with_parents(parents)", "rows"),
    ),
    "repeated creates": (
        callers.test_rules_of_the_caller,
        (GUARDED, "identity=identity_of(caller)", "identity=identity_of(None)"),
    ),
    "hidden rows": (
        callers.test_rules_of_the_caller,
        (CALLS, "if self.visible_json(key) is None:\n            return None", ""),
    ),
    "written rows": (
        callers.test_rows_created_together,
        (GUARDED, "shown=lambda db, key: _visible_json(view, db, key),", ""),
    ),
    "rows created together": (
        callers.test_rows_created_together,
        (
            GUARDED,
            (
                "shown_of=lambda db, rows, key: "
                "_visible_json(_guarded_rows(rows).view(caller), db, key),"
            ),
            "",
        ),
    ),
    "references to other rows": (
        callers.test_rows_created_together,
        ("app/kit/access/caller_view.py", "if getattr(row, one, None) == key", "if True"),
    ),
    "owners": (
        callers.test_rows_under_a_row,
        (
            "app/kit/hooks/guarded_nested.py",
            "self._owner_condition(db.kind, roles_of(caller))",
            "None",
        ),
    ),
    "rows created by PUT": (
        callers.test_put_of_a_missing_row,
        (GUARDED, "return self._access.permission(operation).admits(self._caller)", "return True"),
    ),
    "creations of handlers": (
        callers.test_put_of_a_missing_row,
        (GUARDED, "self._access.permission(operation).check(self._caller)", "pass"),
    ),
}
"""Changes, each with the test that fails: a file, an old text and a new one."""
OF_ROWS: Mapping[str, Sequence[str]] = {
    "rows before functions": (GUARDED, "result_of(change.check_before(db))", "pass"),
    "rows after functions": (GUARDED, "lambda: result_of(change.check_after(db))", "lambda: None"),
    "end of functions": (CALLS, "        check()\n        return found", "        return found"),
    "deletions": (
        CALLS,
        'self._calls.check_change(self.db, getattr(row, self._rows._key), "delete")',
        "pass",
    ),
    "one of the parts of a rule": (CHANGED, "failed.add(id(rule))", "pass"),
    "permissions": (GUARDED, "self.access.permission(permission).check(caller)", "pass"),
    "former values": (CHANGED, 'f"{FORMER}{name}": value for', 'f"{FORMER}{name}": None for'),
}
"""Changes that let a function leave a row which no rule allows."""


@pytest.mark.long
@pytest.mark.parametrize(("test", "mutation"), OF_CALLERS.values(), ids=OF_CALLERS)
def test_what_a_caller_may_not_do_is_found(
    test: Test, mutation: Sequence[str], new_database: Callable[[str], str]
) -> None:
    package = package_of(callers.ENTITIES, callers.APP, mutation=mutation, **callers.SOURCES)
    try:
        with pytest.raises(FAILURES):
            test(package, "sqlite", new_database)
    finally:
        unload(package)


@pytest.mark.long
@pytest.mark.parametrize("mutation", OF_ROWS.values(), ids=OF_ROWS)
def test_rows_that_no_rule_allows_are_found(
    mutation: Sequence[str], new_database: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    entities, app = changed_rows.ENTITIES, changed_rows.APP
    package = package_of(entities, app, mutation=mutation, **changed_rows.SOURCES)
    test = changed_rows.test_a_function_leaves_a_row_that_the_rules_allow
    try:
        with pytest.raises(FAILURES):
            test(package, "sqlite", new_database, caplog)
    finally:
        unload(package)
