"""The steps from spec files to the Schema, in order. Reason to change: another step."""

from collections.abc import Collection
from collections.abc import Mapping as Files
from dataclasses import replace
from functools import partial

from crudgen.errors import SpecError
from crudgen.language.access import Auth
from crudgen.language.names import NamingConventions
from crudgen.language.schema import Entity, Schema
from crudgen.language.written.app import AppSpec
from crudgen.language.written.reading import WrittenSpec, read_app, read_entity
from crudgen.language.written.spec import EntitySpec
from crudgen.language.written.translation import with_translation_remedy
from crudgen.language.yaml.document import parse
from crudgen.language.yaml.nodes import Mapping
from crudgen.language.yaml.problems import Problems
from crudgen.language.yaml.recognition import looks_like_spec

from .access import resolve_access
from .access_field_rules import check_field_rules
from .access_rules import check_access
from .access_scope import add_tenant_to_unique_constraints, scope_fields
from .actions import check_actions, resolve_actions
from .api import resolve_api
from .app import resolve_app
from .checks import resolve_checks
from .circles import resolve_circles
from .collisions import (
    check_collisions,
    check_path_of_admin,
    check_paths_of_agents,
    check_paths_of_users,
)
from .computed import check_computed_in_lists, check_function_names
from .condition_paths import ResolvedEntities
from .draft import Draft, Drafts
from .fields import resolve_fields
from .former_names import check_former_columns, check_former_tables, former_tables
from .hooks import check_hooks, resolve_hooks
from .identity import resolve_identity
from .indexes import add_reference_indexes, resolve_indexes
from .naming import check_field_names
from .operation_ids import check_operation_ids
from .presets import check_presets
from .references import resolve_references
from .related_api import resolve_related_api
from .related_names import check_related_names
from .relations import resolve_relations
from .schema_names import check_message_names
from .user_rows import with_user_rows
from .webhooks import resolve_webhooks, with_webhooks


def resolve(
    entities: Files[str, bytes | str],
    app: tuple[str, bytes | str] | None,
    problems: Problems,
    links: Collection[str] = (),
) -> Schema:
    """Return the schema of `entities` (data by file name) and `app` (file name and data).

    `links` are the files that are symbolic links to outside their folder. Raises SpecError with
    all problems, including those in `problems` already; diagnostics quote specs only.
    """
    documents = _parse_files(entities, problems)
    specs = [read_entity(file, root, problems) for file, root in documents.items()]
    before = len(problems)
    read = _read_app_file(app, problems)
    settings = Schema(()) if read is None else resolve_app(read, problems)
    written = [spec for spec in specs if spec]
    is_complete = len(written) == len(entities)
    found = _resolve_entities(written, settings.names, problems, is_complete=is_complete)
    if len(problems) == before or settings.auth is not None:
        complete = is_complete and len(found) == len(written)
        auth = _with_user_attributes(settings.auth, read, found, problems, is_complete=complete)
        if auth is not None or settings.auth is None:
            found = _with_rules(written, found, auth, problems, is_complete=is_complete)
        settings = replace(settings, auth=auth)
    if not problems:
        files = {spec.file: spec for spec in written}
        pairs = [(files[one.file], one) for one in found]
        if settings.mcp:
            check_paths_of_agents(pairs, problems)
        if settings.admin:
            check_path_of_admin(pairs, problems)
    if read is not None and not problems:
        settings = replace(settings, webhooks=resolve_webhooks(read, problems, found))
        check_message_names(read, settings.webhooks, found, problems)
        found = with_webhooks(found, settings.webhooks)
    if problems:
        _hide_other_files(entities, app, problems, links)
        raise SpecError(problems.sorted_diagnostics())
    return replace(settings, entities=tuple(found))


def _resolve_entities(
    specs: list[WrittenSpec[EntitySpec]],
    conventions: NamingConventions,
    problems: Problems,
    *,
    is_complete: bool,
) -> list[Entity]:
    """Return the entities, sorted by name. Each step adds to all drafts before the next one.

    `is_complete` is False if a file could not be read.
    """
    found = [_first_draft(written, conventions, problems) for written in specs]
    complete = is_complete and None not in found
    entities = [draft for draft in found if draft]
    by_name = {str(draft.identity.name): draft for draft in reversed(entities)}
    drafts = Drafts(by_name, conventions, problems, is_complete=complete)
    for draft in entities:
        resolve_references(draft, drafts)
        properties = {**draft.fields, **draft.computed}
        check_field_names(draft.written, properties.values(), problems)
        check_computed_in_lists(draft.written, draft.computed, problems)
        check_former_columns(draft, conventions, problems)
        draft.indexes = resolve_indexes(draft.written, draft.fields, problems)
        add_tenant_to_unique_constraints(draft, problems)
        add_reference_indexes(draft, scope_fields(draft))
        draft.checks = resolve_checks(draft, problems)
        draft.actions = resolve_actions(draft.written, conventions, problems)
    resolve_relations(drafts)
    resolve_circles(drafts)
    check_collisions(entities, problems)
    check_former_tables(entities, problems)
    resolved = [_finished_entity(draft, problems) for draft in entities]
    if not problems:
        resolved = _with_related_apis(entities, resolved, conventions, problems)
    return sorted(resolved, key=lambda entity: entity.name)


def _with_related_apis(
    drafts: list[Draft], entities: list[Entity], conventions: NamingConventions, problems: Problems
) -> list[Entity]:
    """Return the entities with the keys of their `api` blocks about relations."""
    by_name = {entity.name: entity for entity in entities}
    found: list[Entity] = []
    for draft, entity in zip(drafts, entities, strict=True):
        api = resolve_related_api(draft.written, entity, by_name, problems)
        found.append(replace(entity, api=api))
        check_function_names(draft.written, entity, problems)
        check_related_names(draft.written, found[-1], by_name, conventions, problems)
    check_hooks(zip((draft.written for draft in drafts), found, strict=True), problems)
    return found


def _with_user_attributes(
    auth: Auth | None,
    written: WrittenSpec[AppSpec] | None,
    entities: list[Entity],
    problems: Problems,
    *,
    is_complete: bool,
) -> Auth | None:
    """Return `auth` with the attributes that users get from their rows; None after an error."""
    if auth is None or written is None or auth.user_entity is None:
        return auth
    return with_user_rows(auth, written, entities, problems, is_complete=is_complete)


def _with_rules(
    specs: list[WrittenSpec[EntitySpec]],
    entities: list[Entity],
    auth: Auth | None,
    problems: Problems,
    *,
    is_complete: bool,
) -> list[Entity]:
    """Return the entities with their rules. Those with errors are not in `entities`.

    `is_complete` is False if a file could not be read.
    """
    resolved = {entity.file: entity for entity in entities}
    by_name = {entity.name: entity for entity in entities}
    complete = is_complete and all(_has_all_fields(one, resolved.get(one.file)) for one in specs)
    others = ResolvedEntities(by_name, complete)
    rules = {
        spec.file: resolve_access(spec, resolved.get(spec.file), auth, problems, others)
        for spec in specs
    }
    found = [replace(entity, access=rules[entity.file]) for entity in entities]
    by_file = {spec.file: spec for spec in specs}
    check_presets([(by_file[entity.file], entity) for entity in found], auth, problems)
    if not problems:
        pairs = [(by_file[entity.file], entity) for entity in found]
        has_users = auth is not None and auth.users
        check_access(pairs, problems)
        check_field_rules(pairs, problems)
        check_actions(pairs, problems)
        if has_users:
            check_paths_of_users(pairs, problems)
        check_operation_ids(pairs, problems, has_users=has_users)
    return found


def _has_all_fields(written: WrittenSpec[EntitySpec], entity: Entity | None) -> bool:
    """Return whether no field of an entity is missing for an error."""
    if entity is None or written.broken:
        return False
    return written.spec.fields.keys() <= {one.name for one in (*entity.fields, *entity.computed)}


def _hide_other_files(
    entities: Files[str, bytes | str],
    app: tuple[str, bytes | str] | None,
    problems: Problems,
    links: Collection[str],
) -> None:
    """Replace diagnostics that would quote the text of a file that is not a spec."""
    keys = EntitySpec.model_fields
    for file, data in entities.items():
        if not looks_like_spec(data, keys, required="fields", is_outside=file in links):
            problems.conceal(file, "not an entity", "an entity has the keys 'name' and 'fields'")
    if app is not None:
        file, data = app
        keys = AppSpec.model_fields
        if not looks_like_spec(data, keys, required="", is_outside=file in links):
            remedy = f"allowed keys: {', '.join(keys)}"
            problems.conceal(file, "not the settings of an application", remedy)


def _parse_files(files: Files[str, bytes | str], problems: Problems) -> dict[str, Mapping]:
    documents: dict[str, Mapping] = {}
    for file, data in files.items():
        try:
            documents[file] = parse(file, data)
        except SpecError as error:
            problems.diagnostics.extend(map(with_translation_remedy, error.diagnostics))
    return documents


def _read_app_file(
    file: tuple[str, bytes | str] | None, problems: Problems
) -> WrittenSpec[AppSpec] | None:
    """Return crudgen.yaml as it is written; None if there is none, or it cannot be read."""
    documents = {} if file is None else _parse_files({file[0]: file[1]}, problems)
    return next((read_app(name, root, problems) for name, root in documents.items()), None)


def _first_draft(
    written: WrittenSpec[EntitySpec], conventions: NamingConventions, problems: Problems
) -> Draft | None:
    """Return the first form of an entity: its names and fields, without relations and API.

    If a name is invalid, return None, and check what does not depend on other entities.
    """
    identity = resolve_identity(written, problems)
    fields = resolve_fields(written, conventions, problems)
    if identity:
        present, locate = {str(identity.table): "table"}, partial(written.locate, "was")
        was = former_tables(written.spec.was, present, locate, problems)
        stored = {name: one for name, one in fields.items() if not one.computed}
        computed = {name: one for name, one in fields.items() if one.computed}
        return Draft(written, identity, stored, was, computed=computed)
    check_field_names(written, fields.values(), problems)
    resolve_indexes(written, fields, problems)
    resolve_api(written, fields, problems)
    return None


def _finished_entity(draft: Draft, problems: Problems) -> Entity:
    written, identity = draft.written, draft.identity
    api = resolve_api(written, {**draft.fields, **draft.computed}, problems)
    hooks, events = resolve_hooks(written, problems)
    return Entity(
        name=identity.name,
        singular=identity.singular,
        plural=identity.plural,
        path=identity.path,
        table=identity.table,
        doc=written.spec.doc or None,
        fields=tuple(draft.fields.values()),
        indexes=draft.indexes,
        api=replace(api, hooks=hooks, events=events),
        source=written.file.replace("\\", "/").rpartition("/")[2],
        was=draft.was,
        relations=tuple(draft.relations.values()),
        links=tuple(draft.links.values()),
        checks=draft.checks,
        actions=draft.actions,
        computed=tuple(draft.computed.values()),
        file=written.file,
        line=draft.locate("table").line,
    )
