"""Names of hooks in other frameworks. Reason to change: another spelling."""

from crudgen.language.hooks import Hook

HOOKS: dict[str, Hook] = {
    **dict.fromkeys(
        ("before_create", "pre_create", "insert", "add", "post", "before_insert"), Hook.CREATE
    ),
    **dict.fromkeys(
        ("before_update", "pre_update", "patch", "put", "replace", "save"), Hook.UPDATE
    ),
    **dict.fromkeys(("before_delete", "pre_delete", "remove", "destroy"), Hook.DELETE),
    **dict.fromkeys(("create_many", "bulk_create"), Hook.CREATE),
    **dict.fromkeys(("update_many", "bulk_update"), Hook.UPDATE),
    **dict.fromkeys(("delete_many", "bulk_delete"), Hook.DELETE),
}
"""Other names of hooks."""
