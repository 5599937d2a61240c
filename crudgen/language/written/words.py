"""The words and names that a key accepts, for editors. Reason to change: another word."""

from collections.abc import Mapping
from typing import Any

from pydantic import WithJsonSchema

from crudgen.language.api import EtagUse, ExportFormat
from crudgen.language.artifacts import Artifact
from crudgen.language.hooks import Hook
from crudgen.language.names import Case, Name
from crudgen.language.operations import Operation
from crudgen.language.relations import NestedWrite, OnDelete
from crudgen.language.schema import KitForm
from crudgen.language.types import REFERENCE, REFERENCE_DOC, TYPES

TYPE_WORDS = {**{str(name): info.doc for name, info in TYPES.items()}, REFERENCE: REFERENCE_DOC}
OPERATIONS = {
    Operation.CREATE: "POST: insert a row",
    Operation.LIST: "GET: rows, with filters, sorting and pages",
    Operation.READ: "GET: one row",
    Operation.UPDATE: "PATCH: change the properties that the request contains",
    Operation.REPLACE: "PUT: change all properties of a row",
    Operation.DELETE: "DELETE: delete a row",
    Operation.CREATE_MANY: "POST /bulk: insert several rows",
    Operation.UPDATE_MANY: "PATCH /bulk: change several rows",
    Operation.DELETE_MANY: "DELETE /bulk: delete several rows",
}
HOOKS = {
    Hook.CREATE: "def create(tx, hero): around each creation of a row",
    Hook.UPDATE: "def update(tx, hero, changes): around each update of a row",
    Hook.DELETE: "def delete(tx, hero): around each deletion of a row",
}
AFTER_COMMIT = "on_[a-z][a-z0-9_]{0,39}"
"""Matches names of functions that run after a commit."""
ETAG_USES = {
    EtagUse.OPTIONAL: "If-Match is checked if a request has it",
    EtagUse.REQUIRED: "a request without If-Match is rejected",
}
EXPORT_FORMATS = {
    ExportFormat.CSV: "text/csv: a header row, and a line for each row",
    ExportFormat.NDJSON: "application/x-ndjson: a JSON object for each row, one per line",
}
ON_DELETE = {
    OnDelete.RESTRICT: "a row that others refer to cannot be deleted",
    OnDelete.CASCADE: "the row is deleted too",
    OnDelete.SET_NULL: "the reference becomes null",
}
CASES = {Case.SNAKE: "born_on", Case.CAMEL: "bornOn", Case.PASCAL: "BornOn"}
KIT_FORMS = {
    KitForm.VENDORED: "copied to app/kit",
    KitForm.PLAIN: "copied to app/kit, without what exists for speed alone",
    KitForm.LIBRARY: "imported from the installed crudgen",
}
ARTIFACTS = {Artifact.PROVIDER: "clients/provider.ts, for react-admin and refine"}
NESTED_WRITES = {
    NestedWrite.CREATE: "new rows, which are created together with the row",
    NestedWrite.KEYS: "the keys of the rows to link",
}
PATH = "[a-z][a-z0-9]*(?:__?[a-z0-9]+)*_?"
"""Matches names of relations and of a field, with '__' between them."""
PATH_RULE = "names in lower case, with '__' between them, such as 'team__name'"

CHECK_NAME = "[a-z][a-z0-9_]{0,39}"
"""Matches names of checks."""
CHECK_NAME_RULE = "a name has 1 to 40 characters of a-z, 0-9 and '_', and starts with a letter"
FIELD_RULES = ("length", "words", "range")
"""Ends of the names of constraints that follow from the type of a field."""


def one_name_schema(kind: type[Name]) -> WithJsonSchema:
    """Return the JSON Schema of the names of a kind, by the pattern of the kind."""
    return WithJsonSchema(_name_schema(kind))


def hook_name_schema() -> WithJsonSchema:
    """Return the JSON Schema of the name of a function around an operation, or after commits."""
    after = {"type": "string", "pattern": f"^{AFTER_COMMIT}$"}
    words = {"enum": [*map(str, HOOKS)], "enumDescriptions": [*HOOKS.values()]}
    message = f"Expected one of {', '.join(HOOKS)}, or one of them or an action after 'on_'."
    return WithJsonSchema({"anyOf": [words, after], "errorMessage": message})


def one_or_more_names_schema(kind: type[Name]) -> WithJsonSchema:
    """Return the JSON Schema of one or more names of a kind."""
    return WithJsonSchema(
        {
            **_name_schema(kind),
            "type": ["string", "array"],
            "items": _name_schema(kind),
            "minItems": 1,
            "uniqueItems": True,
            "errorMessage": "Expected a name, or a list of names.",
        }
    )


def _name_schema(kind: type[Name]) -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": f"^{kind.PATTERN.pattern}$",
        "patternErrorMessage": f"Invalid name: {kind.RULE}.",
    }


def path_schema() -> WithJsonSchema:
    """Return the JSON Schema of a path over relations."""
    message = f"Invalid path: {PATH_RULE}."
    return WithJsonSchema(
        {"type": "string", "pattern": f"^{PATH}$", "patternErrorMessage": message}
    )


def one_word_schema(words: Mapping[str, str]) -> WithJsonSchema:
    """Return the JSON Schema of a key that accepts one of the words."""
    return WithJsonSchema(
        {
            "enum": [str(word) for word in words],
            "enumDescriptions": [*words.values()],
            "errorMessage": f"Expected one of {', '.join(words)}.",
        }
    )
