"""The revision that follows others. Reason to change: how it and its spec are found."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from sqlalchemy import MetaData

from crudgen.evolution.choices import Choices
from crudgen.evolution.hints import hints
from crudgen.language.schema import Schema

from . import former_spec, user_tables
from .draft import Draft, draft
from .history import KIT

Models = Callable[[Schema | None], AbstractContextManager[MetaData]]
"""Returns the tables of a schema, while the context is entered."""


def next_revision(
    before: Mapping[str, str],
    schema: Schema,
    metadata: MetaData,
    choices: Choices,
    models: Models,
) -> tuple[Draft, dict[str, str]]:
    """Return the draft of a revision from the spec of revisions to a schema, and the spec then.

    `metadata` are the tables of the schema. Raises RevisionError and UnusedOptionError.
    """
    present, kit = hints(schema), before.get(KIT, "").split()
    users = user_tables.recorded_targets(before)
    own = [name for name in metadata.tables if (name, None) not in present.names]
    former_schema = former_spec.load(before)
    with models(former_schema) as without_kit:
        old = without_kit
        if kit or users:
            old = _with_tables(old, metadata, {*kit} - users.keys())
            user_tables.add_tables(old, metadata, users, former_schema)
        made = draft(old, metadata, present, choices)
        lost = user_tables.dropped_target_problems(made.tables, metadata.tables)
        made = replace(made, plan=replace(made.plan, problems=(*made.plan.problems, *lost)))
        if made.plan.problems:
            return made, {}
        texts = former_spec.spec_with_kept_parts(former_schema, schema, present, made.tables)
        complete = former_spec.load(texts)
        if complete is None:
            return made, {}
        # What is kept follows the names of its table, too.
        with models(complete) as target:
            whole = draft(old, _with_tables(target, metadata, own), hints(complete), choices)
    after = former_spec.without_hints(complete, texts)
    tables = sorted({*kit, *own})
    if tables:
        after[KIT] = "".join(f"{name}\n" for name in tables)
    after |= user_tables.new_records(made.tables, complete)
    return replace(whole, plan=made.plan), after


def _with_tables(models: MetaData, others: MetaData, names: Collection[str]) -> MetaData:
    """Return the tables of models, and some of other models, which belong to no entity."""
    both = MetaData(naming_convention=others.naming_convention)
    for table in models.sorted_tables:
        table.to_metadata(both)
    for table in others.sorted_tables:
        if table.name in names and table.name not in both.tables:
            table.to_metadata(both)
    return both
