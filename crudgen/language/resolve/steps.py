"""The steps from spec files to the Schema, in order. Reason to change: another step."""

from collections.abc import Collection
from collections.abc import Mapping as Files
from dataclasses import replace

from crudgen.errors import SpecError
from crudgen.language.names import Conventions
from crudgen.language.schema import Entity, Schema
from crudgen.language.written.reading import WrittenSpec, read_app, read_entity
from crudgen.language.written.spec import AppSpec, EntitySpec
from crudgen.language.written.translation import with_remedy
from crudgen.language.yaml.document import parse
from crudgen.language.yaml.nodes import Mapping
from crudgen.language.yaml.problems import Problems
from crudgen.language.yaml.recognition import is_spec

from .api import resolve_api
from .app import resolve_app
from .collisions import Candidate, check_collisions
from .fields import resolve_fields
from .identity import resolve_identity
from .indexes import resolve_indexes


def resolve(
    entities: Files[str, bytes | str],
    app: tuple[str, bytes | str] | None,
    problems: Problems,
    links: Collection[str] = (),
) -> Schema:
    """Return the schema of `entities` (data by file name) and `app` (file name and data).

    `links` are the files that link outside their folder. Raises SpecError with all problems,
    including those in `problems` already; diagnostics do not quote files that are not specs.
    """
    documents = _documents(entities, problems)
    specs = [read_entity(file, root, problems) for file, root in documents.items()]
    settings = _app(app, problems)
    resolved = [_entity(written, settings.names, problems) for written in specs if written]
    check_collisions([candidate for candidate, _ in resolved if candidate], problems)
    if problems:
        _conceal(entities, app, problems, links)
        raise SpecError(problems.report())
    found = sorted((entity for _, entity in resolved if entity), key=lambda entity: entity.name)
    return replace(settings, entities=tuple(found))


def _conceal(
    entities: Files[str, bytes | str],
    app: tuple[str, bytes | str] | None,
    problems: Problems,
    links: Collection[str],
) -> None:
    """Replace the diagnostics that quote a file that is not a spec."""
    keys = EntitySpec.model_fields
    for file, data in entities.items():
        if not is_spec(data, keys, required="fields", is_linked=file in links):
            problems.conceal(file, "not an entity", "an entity has the keys 'name' and 'fields'")
    if app is not None:
        file, data = app
        keys = AppSpec.model_fields
        if not is_spec(data, keys, required="", is_linked=file in links):
            remedy = f"allowed keys: {', '.join(keys)}"
            problems.conceal(file, "not the settings of an application", remedy)


def _documents(files: Files[str, bytes | str], problems: Problems) -> dict[str, Mapping]:
    documents: dict[str, Mapping] = {}
    for file, data in files.items():
        try:
            documents[file] = parse(file, data)
        except SpecError as error:
            problems.diagnostics.extend(map(with_remedy, error.diagnostics))
    return documents


def _app(file: tuple[str, bytes | str] | None, problems: Problems) -> Schema:
    if file is None:
        return Schema(())
    for name, root in _documents({file[0]: file[1]}, problems).items():
        written = read_app(name, root, problems)
        if written:
            return resolve_app(written, problems)
    return Schema(())


def _entity(
    written: WrittenSpec[EntitySpec], conventions: Conventions, problems: Problems
) -> tuple[Candidate | None, Entity | None]:
    identity = resolve_identity(written, problems)
    fields = resolve_fields(written, conventions, problems)
    indexes = resolve_indexes(written, fields, problems)
    api = resolve_api(written, fields, problems)
    if identity is None:
        return None, None
    entity = Entity(
        name=identity.name,
        singular=identity.singular,
        plural=identity.plural,
        path=identity.path,
        table=identity.table,
        doc=written.spec.doc or None,
        fields=tuple(fields.values()),
        indexes=indexes,
        api=api,
        source=written.file.replace("\\", "/").rpartition("/")[2],
    )
    return Candidate(written, identity, fields, indexes), entity
