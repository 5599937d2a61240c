"""Spec files that are right or wrong, and the mistakes that a JSON Schema cannot express."""

import re
from pathlib import Path

from crudgen.errors import SpecError
from crudgen.language import load
from crudgen.language.yaml.document import parse

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "diagnostics"

INEXPRESSIBLE = {
    "it depends on other keys of the entity": (
        *("no field to write", "with a text key", "'created' requires", "but no default"),
        *("exceeds the maximum", "is less than the minimum", "unknown field", "write_only"),
        *("not allowed in", "cannot be indexed", "duplicate list", "text fields of the index"),
        *(
            "not possible with a maximum",
            "index name",
            "constraint name",
            "is also a former name of",
            "is the present name of",
            "swap of names",
        ),
        *("already has a primary key", "generated primary key", "does not fit decimal"),
        *("cannot sort by", "the order has", "'order' requires"),
        *("is the key, which", "is write-only: ", "is read-only: ", "is a reference, and the"),
        *("is the owner, by", "is the tenant, by", "sorts the rows of"),
    ),
    "it depends on other options of the field, which are one text in the short form": (
        *("cannot be combined", "on the primary key", "primary key cannot", "on a text key"),
        *("must not be empty", "cannot have bounds", "'touch' requires", "duplicate option"),
        *("invalid default: ", "invalid example: ", "is a value of the enum", "is not a value"),
        *("the claim '", "duplicate value 'a'"),
        *("on a computed property", "is computed, and", "name of another function"),
        *("name of a computed property",),
    ),
    "it depends on crudgen.yaml, or on other rules": (
        *("needs callers", "unknown role", "'access' is missing", "together with others"),
        *(
            "but may not read them",
            "but may not read rows",
            "but may neither",
            ", but not ",
        ),
        *(
            "has no relation '",
            "a condition cannot follow",
            "the path has more than",
            " value",
            "' is a str",
        ),
        *("a caller has no", "has no 'me", "the name of a claim", "needs a caller, and"),
        *("and that of 'me.", "a token may lack", "' can be ", "and 'me.", "has no tenant"),
        *(
            "'access' names no field",
            "is a list",
            "is one value",
            "' a list of type",
            "'5' is not a field",
            "' is too long",
            "is a path of users",
            "is used by the tools for agents",
            "is the path of the admin page",
            "which callers do not have",
            "be an attribute of callers",
            "can be longer than 255",
            "has another 'id'",
        ),
    ),
    "it depends on other entities": (
        *(
            "already used by",
            "below '",
            "duplicate entity",
            "a class",
            "unknown entity",
            "a circle",
            "requires another",
        ),
        *("has no event '", "the event '", "no event of '", "' is write-only", "it sends all"),
        *("two relations", "the relation '", "the name of a reference", "to itself needs"),
        *(
            "of the link exists",
            "columns of the link table",
            "must have exactly",
            "for the same pair",
        ),
        *("has no relation", "has no field or relation", "is a field of", "names no field of"),
        *("is a relation to", "is a path, '", " relations", "ends with an operator", "is a link"),
        "two sides of one link",
        *("is not a link", "is not possible", "listed with 'any'", "in the list '"),
        *("cannot be filtered", "has no operation"),
        *(
            "require its operation",
            "__country' requires",
            "two paths",
            "with keys of",
            "has more than 60",
            "the schema name '",
            "but neither read nor set",
        ),
        *("'create' requires", "have the same operation id", "the hook '", "the action '"),
    ),
    "it is about a part of the short form, which is one text": (
        *("invalid precision", "invalid scale", "too large for", "64 bits", "too long"),
        *("expected an integer", "duplicate enum", "the number 1e999", "name 'ctid' is"),
        "invalid JSON name '1st'",
        *("in double quotes", "control character in a string", "invalid default for type"),
    ),
    "it is about a part of a condition, which is one text": (
        *("unexpected ", "expected 'null' after", "expected '(' after", "is not closed"),
        *("the list is empty", "the condition has more", "is not complete", "has no field '"),
        *("is not possible: ", "is not a value of the enum", "have no value in common"),
        *("whose values have no order", "is compared with", "apply to a bool", "is never true"),
        *(
            "expected a date",
            "invalid value",
            "151 is more",
            "duplicate value",
            "cannot contain null",
        ),
        *("not a condition", "a comparison needs", "is not a field", "2 decimals, 'tax'"),
        *("is shorter than", "is never null", "and 'title' is", "and 'starts_at' is"),
        *("and 'status' is", "and 'me.id' is", "over relations is not", "now' is not supported"),
        *(
            "only for rules of",
            "expected a field after",
            "the condition is empty",
            "after the rule of",
        ),
        *("compared with null", "should not contain the control", "has the name of another"),
    ),
    "it is about a name that is derived from another one": (
        *("the JSON name", "the column name", "the name 'excluded'", "invalid plural"),
        *(
            "the relation name",
            "the name 'pg_weak'",
            "the name 'model_dump_id'",
            "invalid name 'Person",
            "invalid relation name",
        ),
        "same as the singular",
    ),
    "the regular expressions of Rust decide it": ("invalid pattern", "for the generated tests"),
    "it is about Unicode": ("not in Unicode NFC", "duplicate former value"),
    "it is about the place of the file": ("next to the folder",),
}
"""Parts of the problems that only `crudgen check` finds, by the reason."""

LIMITED = {"not_a_spec", "problems_too_many"}
"""Cases in which `crudgen check` does not print all that it found."""


def is_inexpressible(problem: str) -> bool:
    """Return whether a problem is of a rule that a JSON Schema cannot express."""
    return any(part in problem for parts in INEXPRESSIBLE.values() for part in parts)


def wrong_files() -> list[Path]:
    """Return the files of the cases of diagnostics that are YAML in the strict subset."""
    cases = [case for case in sorted(CASES.iterdir()) if case.name not in LIMITED]
    return [file for case in cases for file in sorted(case.rglob("*.yaml")) if is_yaml(file)]


def is_yaml(file: Path) -> bool:
    """Return whether a file is a map in the strict subset of YAML."""
    try:
        parse(str(file), file.read_bytes())
    except (SpecError, OSError):
        return False
    return True


def right_files() -> list[Path]:
    """Return files that load: examples, and those of other tests."""
    folders = ("entities", "tests/cases/specs", "tests/specs", "tests/fuzzing/specs")
    return [file for name in folders for file in sorted((ROOT / name).rglob("*.yaml"))]


def problems_by_line(file: Path) -> dict[int, list[str]]:
    """Return what `crudgen check` says about a file of a case; the line is 1 if it is the file."""
    case = CASES / file.relative_to(CASES).parts[0]
    found: dict[int, list[str]] = {}
    try:
        load(case / "entities")
    except SpecError as error:
        for diagnostic in error.diagnostics:
            if Path(diagnostic.file) == file:
                found.setdefault(max(diagnostic.line, 1), []).append(diagnostic.problem)
    return found


def disagreements(file: Path, lines: set[int]) -> list[str]:
    """Return where the lines that a JSON Schema rejects are not those of `crudgen check`."""
    problems = problems_by_line(file)
    first = {1} if re.search("is missing", " ".join(problems.get(1, []))) else set()
    missed = [
        f"line {line}: {problem}"
        for line in sorted(problems.keys() - lines - first)
        for problem in problems[line]
        if not is_inexpressible(problem)
    ]
    wrong = [f"line {line}: only the schema" for line in sorted(lines - problems.keys() - first)]
    return missed + wrong
