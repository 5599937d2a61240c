"""What the generated parts of the documentation say; each is printed from the code itself."""

import ast
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from typer.main import get_command

import crudgen
from crudgen import cli
from crudgen.codegen.views import routes as routes_view
from crudgen.codegen.views.references import Entities
from crudgen.kit.access.login_settings import LoginSettings
from crudgen.kit.access.settings import AuthSettings
from crudgen.kit.admin.oidc_settings import AdminLoginSettings
from crudgen.kit.database.state import State
from crudgen.kit.database.urls import describe_parameters, read_postgresql_url
from crudgen.kit.errors import Condition
from crudgen.kit.replica.settings import ReplicaSettings
from crudgen.kit.settings import BaseAppSettings
from crudgen.kit.telemetry.metrics_settings import MetricsSettings
from crudgen.kit.webhooks.settings import WebhookSettings
from crudgen.language import editor_schema, explain, names, patterns, ranges
from crudgen.language import reserved as taken
from crudgen.language.conditions.tokens import MAX_TOKENS
from crudgen.language.limits import Limits
from crudgen.language.load import MAX_FILES
from crudgen.language.resolve.condition_parser import MAX_LEVELS
from crudgen.language.schema import Schema
from crudgen.language.types import (
    FLAGS,
    MAX_ENUM_VALUE_LENGTH,
    MAX_ENUM_VALUES,
    MAX_INDEXED_TEXT,
    MAX_PRECISION,
    OPTIONS,
    TYPES,
    Argument,
    Arguments,
)
from crudgen.language.written import app as app_keys
from crudgen.language.written import auth, spec, value_types
from crudgen.language.written.reading import read_entity
from crudgen.language.written.shorthand import EXAMPLES
from crudgen.language.yaml import document
from crudgen.language.yaml.problems import Problems

ROOT = Path(__file__).parents[2]
ENTITIES = ROOT / "entities"
SETTINGS = ROOT / "crudgen" / "kit" / "settings.py"
WEBHOOKS = ROOT / "crudgen" / "kit" / "webhooks"
REPLICA = ROOT / "crudgen" / "kit" / "replica"
TELEMETRY = WEBHOOKS.parent / "telemetry"
ADMIN = WEBHOOKS.parent / "admin"
ACCESS = ROOT / "crudgen" / "kit" / "access"
TEMPLATES = ROOT / "crudgen" / "codegen" / "templates"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *([*row] for row in rows)]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def code(value: object) -> str:
    return f"`{value}`"


def listed(values: Iterable[object]) -> str:
    return ", ".join(code(value) for value in values) or "-"


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def types(_: str) -> str:
    rows = []
    for info in TYPES.values():
        example = EXAMPLES[info.arguments].format(info.name)
        none = info.arguments is Arguments.NONE
        forms = (
            ["-"] if none else [code(part) for part in example.replace(" or ", ", ").split(", ")]
        )
        if info.arguments is Arguments.VALUES:
            forms = [code(example)]
        if info.arguments is Arguments.SIZE:
            forms = [code(f"{info.name}(..200)")]
        rows.append((code(info.name), info.doc, ", ".join(forms), listed(sorted(info.options))))
    return table(("type", "meaning", "arguments", "options"), rows)


def flags(_: str) -> str:
    rows = []
    for flag in FLAGS:
        able = [info.name for info in TYPES.values() if flag in info.flags]
        without = [name for name in TYPES if name not in able]
        of = "every type" if not without else listed(able)
        if 0 < len(without) < 4:
            of = f"every type except {listed(without)}"
        rows.append((code(flag), spec.FieldSpec.allowed_keys()[flag].description or "", of))
    return table(("flag", "meaning", "types"), rows)


def field_options(_: str) -> str:
    """Print the options with an argument."""
    rows = []
    for option in OPTIONS.values():
        if option.argument is Argument.NONE:
            continue
        able = [info.name for info in TYPES.values() if option in info.short_options]
        description = spec.FieldSpec.allowed_keys()[option.name].description or ""
        of = "every type" if len(able) == len(TYPES) else listed(able)
        rows.append((code(option.example), description, of))
    return table(("option", "meaning", "types"), rows)


def keys(model: str) -> str:
    """Print the keys of one of the spec's models."""
    schema = editor_schema()
    described = schema if model == "EntitySpec" else schema["$defs"][model]
    modules = (auth, app_keys, spec)
    written = next(vars(one)[model] for one in modules if model in vars(one)).allowed_keys()
    usual = {"AppSpec": asdict(Schema(())), "LimitsSpec": asdict(Limits())}.get(model, {})
    rows = []
    for key, what in described["properties"].items():
        default = usual.get(key, written[key].default)
        plain = isinstance(default, bool | int | float | str)
        said = "required" if written[key].is_required() else code(_value(default)) if plain else "-"
        kind = _kind(what)
        if model == "LimitsSpec":
            kind += " from {:,} to {:,}".format(*ranges.LIMITS[key])
        rows.append((code(key), kind, said, written[key].description))
    return table(("key", "value", "default", "meaning"), rows)


def _value(default: object) -> str:
    return default if isinstance(default, str) else json.dumps(default)


def _in_yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(what: dict[str, Any]) -> str:
    if "enum" in what:
        return listed(map(_in_yaml, what["enum"])) if len(what["enum"]) <= 4 else "a [type](#types)"
    if "const" in what.get("else", {}):
        return "a string or `false`"
    if "$ref" in what:
        return "`reference`" if what["$ref"].endswith("/type") else "a map"
    if isinstance(what.get("type"), list):
        return "a string or a list of strings"
    if what.get("type") == "array":
        items = what["items"]
        kind = "checks" if "anyOf" in items else items.get("type")
        of = {"array": "lists of strings", "checks": "[checks](#checks)"}
        return f"a list of {of.get(kind, 'strings')}"
    words = {"string": "a string", "boolean": "`true` or `false`", "object": "a map"}
    words |= {"integer": "an integer", "number": "a number"}
    return words.get(what.get("type", ""), "any value")


def limits(_: str) -> str:
    rows = [
        ("files in `entities/`", MAX_FILES),
        ("size of one file", f"{document.MAX_BYTES // 1024} KiB"),
        ("values in one file", document.MAX_NODES),
        ("nesting of maps and lists", document.MAX_DEPTH),
        ("fields of one entity", spec.MAX_FIELDS),
        ("characters of a `doc`", value_types.MAX_DOC),
        ("checks of one entity", ranges.MAX_CHECKS),
        ("words and signs of a check", MAX_TOKENS),
        ("nesting of parentheses and `not` in a check", MAX_LEVELS),
        ("values of an `enum`", MAX_ENUM_VALUES),
        ("characters of one such value", MAX_ENUM_VALUE_LENGTH),
        ("digits of a `decimal`", MAX_PRECISION),
        ("characters of a `pattern`", patterns.MAX_PATTERN),
        ("characters of a string that is a key, unique or indexed", MAX_INDEXED_TEXT),
        ("fields of one `unique` or `index` list", ranges.MAX_INDEX),
        ("`max` of `api.page`", ranges.MAX_PAGE),
    ]
    cells = ((what, f"{most:,}" if isinstance(most, int) else str(most)) for what, most in rows)
    return table(("limit", "maximum"), cells)


def name_rules(_: str) -> str:
    rows = (
        ("`name`", names.ClassName, "-"),
        ("a field", names.FieldName, "-"),
        ("`column` of a field", names.ColumnName, "the name of the field"),
        ("`json` of a field", names.JsonName, "the name of the field"),
        ("`table`", names.TableName, "the name in snake_case: `blog_post`"),
        ("`plural`", names.ModuleName, "the plural of that: `blog_posts`"),
        ("`path`", names.UrlPath, "the plural with hyphens: `/blog-posts`"),
    )
    cells = ((what, kind.RULE, derived) for what, kind, derived in rows)
    return table(("name", "rule", "default"), cells)


def reserved(_: str) -> str:
    rows = (
        ("`column` of a field", taken.SYSTEM_COLUMNS, "system columns of PostgreSQL"),
        ("path", taken.RESERVED_PATHS, "paths of the application itself"),
    )
    cells = ((of, why, listed(sorted(words))) for of, words, why in rows)
    return table(("name of", "reason", "reserved"), cells)


def settings(of: str) -> str:
    """Print the settings of every application; or those of one with a capability."""
    models: dict[str, tuple[Path, type[BaseAppSettings]]] = {
        "": (SETTINGS, BaseAppSettings),
        "callers": (ACCESS / "settings.py", AuthSettings),
        "users": (ACCESS / "login_settings.py", LoginSettings),
        "metrics": (TELEMETRY / "metrics_settings.py", MetricsSettings),
        "webhooks": (WEBHOOKS / "settings.py", WebhookSettings),
        "admin": (ADMIN / "oidc_settings.py", AdminLoginSettings),
        "replica": (REPLICA / "settings.py", ReplicaSettings),
    }
    file, model = models[of]
    body = ast.parse(file.read_text("utf-8")).body
    lines = [line for one in body[::-1] if isinstance(one, ast.ClassDef) for line in one.body]
    rows = []
    for node, after in pairwise(lines):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            if name not in model.model_fields:
                continue  # no environment variable sets it
            assert isinstance(after, ast.Expr)
            assert isinstance(after.value, ast.Constant)
            default = model.model_fields[name].default
            shown = code(default) if default != "" else "-"
            rows.append((code(name.upper()), shown, str(after.value.value)))
    return table(("variable", "default", "meaning"), rows)


def statuses(_: str) -> str:
    """Print every operation of Hero with the statuses that its OpenAPI declares."""
    with tempfile.TemporaryDirectory() as folder:
        app = crudgen.create_app(ENTITIES, database=f"sqlite:///{folder}/app.db")
        paths = app.openapi()["paths"]
    rows = [
        (
            code(f"{method.upper()} {path}"),
            said["description"],
            ", ".join(sorted(said["responses"])),
        )
        for path, methods in paths.items()
        if path.startswith("/heroes")
        for method, said in methods.items()
    ]
    return table(("request", "description", "responses"), rows)


def options(name: str) -> str:
    """Print the arguments, options and examples of a command."""
    command = _commands()[name]
    if hasattr(command, "commands"):
        return _group(name, command.commands)
    rows = [(_spelled(one), _default(one), one.help or "") for one in command.params]
    text = table(("argument or option", "default", "meaning"), rows) if rows else ""
    examples = sys.modules[command.callback.__module__].EXAMPLES
    return f"{text}\n{fenced('console', chr(10).join(f'$ {line}' for line in examples))}"


def _group(name: str, commands: dict[str, Any]) -> str:
    """Print the commands of a group, each with its arguments and options, and then the options."""
    rows: list[tuple[str, str]] = []
    options: dict[str, tuple[str, str]] = {}
    for action, command in commands.items():
        spelled = [_spelled(one).strip("`") for one in command.params]
        text = " ".join(one if one.isupper() else f"[{one}]" for one in spelled)
        rows.append((code(f"crudgen {name} {action} {text}"), command.help or ""))
        options |= {_spelled(one): (_default(one), one.help or "") for one in command.params}
    text = table(("command", "meaning"), rows)
    described = ((spelled, *rest) for spelled, rest in options.items())
    text += f"\n{table(('argument or option', 'default', 'meaning'), described)}"
    examples = sys.modules[f"crudgen.cli.{name}"].EXAMPLES
    return f"{text}\n{fenced('console', chr(10).join(f'$ {line}' for line in examples))}"


def _commands() -> dict[str, Any]:
    found: dict[str, Any] = get_command(cli.app).commands  # type: ignore[attr-defined]
    return found


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return code(parameter.metavar or parameter.name.upper())
    spelled = " / ".join([*parameter.opts, *parameter.secondary_opts])
    return code(spelled if parameter.is_flag else f"{spelled} {parameter.metavar or 'VALUE'}")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return code(parameter.show_default)
    if getattr(parameter, "is_flag", False):
        return "-"
    default = parameter.default
    return code(default) if isinstance(default, str | int | Path) else "-"


def overview(_: str) -> str:
    rows = (
        (f"[`crudgen {name}`](#crudgen-{name})", command.help.split("\n")[0])
        for name, command in _commands().items()
    )
    return table(("command", "description"), rows)


def include(path: str) -> str:
    """Print a file of the repository."""
    language = {".yaml": "yaml", ".py": "python"}[Path(path).suffix]
    return fenced(language, (ROOT / path).read_text("utf-8"))


def emitted(argument: str) -> str:
    """Print a generated file of Hero, or one class or function of it: `PATH [NAME]`."""
    path, _, wanted = argument.partition(" ")
    text = crudgen.render(crudgen.load(ENTITIES))[path]
    return fenced("python", definition(text, wanted) if wanted else text)


def definition(text: str, wanted: str) -> str:
    for node in ast.parse(text).body:
        if getattr(node, "name", "") == wanted:
            assert isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    raise KeyError(wanted)


def project_files(_: str) -> str:
    tree = crudgen.render(crudgen.load(ENTITIES))
    lines = [f"{file.path:28} {file.ownership}" for file in tree.files if "/kit/" not in file.path]
    kit = sum("/kit/" in path for path in tree)
    lines.append(f"{f'app/kit/ ({kit} files)':28} generated")
    return fenced("text", "\n".join(sorted(lines)))


def written(_: str) -> str:
    """Print Hero's fields as written: what `EntitySpec` holds."""
    root = document.parse("hero.yaml", (ENTITIES / "hero.yaml").read_bytes())
    found = read_entity("hero.yaml", root, Problems())
    assert found is not None
    lines = [
        f"{name}: {_call('FieldSpec', _said(field))}"
        for name, field in found.spec.fields.items()
        if isinstance(field, spec.FieldSpec)
    ]
    return fenced("text", "\n".join(lines))


def _said(field: spec.FieldSpec) -> dict[str, Any]:
    said = field.model_dump(by_alias=True, exclude_unset=True)
    return {**said, "type": str(field.type)}


def meant(name: str) -> str:
    """Print one field of Hero as meant, without what has its usual value."""
    entity = crudgen.load(ENTITIES).entities[0]
    field = next(field for field in entity.fields if field.name == name)
    usual = type(field)(field.name, field.attribute, field.column, field.json_name, field.type)
    kept = {"name", "attribute", "column", "json_name", "type"}
    slots = [slot for slot in type(field).__slots__ if slot not in ("samples", "line")]
    said = {
        slot: str(value) if slot in kept else value
        for slot in slots
        if (value := getattr(field, slot)) != getattr(usual, slot) or slot in kept
    }
    return fenced("text", _call("Field", said))


def _call(name: str, said: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in said.items())})"


def viewed(operation: str) -> str:
    """Print what the template is given for one operation of Hero."""
    (hero,) = crudgen.load(ENTITIES).entities
    view = getattr(routes_view.routes_view(hero, Entities(), {}), operation)
    lines = [f"{slot}: {getattr(view, slot)}" for slot in type(view).__slots__]
    return fenced("text", "\n".join(lines))


def template(argument: str) -> str:
    """Print the part of a template that stands between `{% if NAME %}` and its end."""
    path, name = argument.split(" ")
    text = (TEMPLATES / path).read_text("utf-8")
    start = text.index(f"{{% if {name} %}}")
    end = text.index("{% endif %}", start) + len("{% endif %}")
    return fenced("jinja", text[start:end])


def explained(_: str) -> str:
    return fenced("yaml", explain(crudgen.load(ENTITIES).entities[0]))


CONDITIONS = {
    Condition.NOT_STARTED: (
        (
            "an application was mounted without its lifespan, or `TestClient(app)` is used without "
            "`with`"
        ),
        "503",
    ),
    Condition.STARTING: ("no connection has succeeded since the start", "503"),
    Condition.DOWN: ("a connection cannot be made, or was lost", "503"),
    Condition.BUSY: (
        "a lock, a statement or a connection took too long; the database is out of memory",
        "200, unless the check itself fails",
    ),
    Condition.READ_ONLY: (
        (
            "a standby, a role that may not write to any table, a file that cannot be written, "
            "`DATABASE_READ_ONLY`"
        ),
        "503; 200 with `DATABASE_READ_ONLY`",
    ),
    Condition.FULL: ("the disk is full", "503"),
    Condition.DENIED: ("the role lacks a right; the log has the `GRANT`", "200"),
    Condition.TABLE_UNUSABLE: (
        "a table or column was dropped, or the role may not use the schema any more",
        "200, unless every table is affected",
    ),
    Condition.NO_KEY_LEFT: ("the sequence of a key is exhausted", "200"),
    Condition.BROKEN: (
        "its files are damaged or cannot be opened, or the operating system reported an error",
        "503",
    ),
    Condition.CLOSED: ("after SIGTERM", "503"),
}


def conditions(_: str) -> str:
    """Print the `detail` of each 503."""
    assert CONDITIONS.keys() == set(Condition)
    rows = ((condition.value, *what) for condition, what in CONDITIONS.items())
    return table(("`detail`", "cause", "`/ready`"), rows)


URL = "postgresql://shop_app@db-a:5432/shop"


class _Lines(logging.Handler):
    """Keeps the messages of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def logged(_: str) -> str:
    """Print what the application logs when the database is down, and when it is read-only."""
    handler = _Lines()
    logger = logging.getLogger(State.__module__)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    state = State(describe_parameters(read_postgresql_url(URL)))
    for condition, reason in (
        (Condition.DOWN, "connection refused"),
        (Condition.READ_ONLY, "the server is a standby"),
    ):
        assert state.begin_condition(condition)
        state.log_begin(condition, reason)
        state.end_condition(condition)
    logger.removeHandler(handler)
    logger.setLevel(level)
    return fenced("text", "\n".join(handler.lines))


PARTS: dict[str, Callable[[str], str]] = {
    "types": types,
    "flags": flags,
    "field-options": field_options,
    "keys": keys,
    "limits": limits,
    "name-rules": name_rules,
    "reserved": reserved,
    "settings": settings,
    "statuses": statuses,
    "options": options,
    "overview": overview,
    "include": include,
    "emitted": emitted,
    "project-files": project_files,
    "written": written,
    "meant": meant,
    "viewed": viewed,
    "template": template,
    "explained": explained,
    "conditions": conditions,
    "logged": logged,
}


def part(name: str, argument: str) -> str:
    """Return the text of one generated part."""
    return PARTS[name](argument)
