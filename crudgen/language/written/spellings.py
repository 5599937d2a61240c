"""Spellings of other languages, and those of a spec. Reason to change: another spelling.

They are those of Python's annotations, pydantic, SQLAlchemy, Django, Prisma and SQL. All patterns
ignore upper and lower case.
"""

import re

from crudgen.language.api import ExportFormat
from crudgen.language.operations import Operation
from crudgen.language.relations import NestedWrite, OnDelete

_TRUE = r"(?: *[:=(] *true\)?)?"
_FALSE = r" *[:=(] *false\)?"
_IS = r" *[:=(] *"
_NUMBER = rf"{_IS}(-?[0-9.]+)\)?"
_NOW = (
    r"(?:(?:func|timezone|datetime|date|time)\.)*(?:now|utc_?now|today|get_?date)\b"
    r"(?:\([\w.]*\))?|(?:current_(?:timestamp|date|time)|localtimestamp)\b(?:\(\))?"
)

FORMER = (
    r"renamed_(?:from|column|to)|rename(?:d_?from|_from)?|previous(?:ly|_names?)?|prev(?:ious)?_?name"
    r"|old_?names?|was_named|former(?:ly|_?names?)?|aka"
)
"""Words for a former name."""

WRAPPERS: tuple[tuple[str, str], ...] = (
    (r"^(?:(?:db|sa|sqlalchemy|models|fields|types|pydantic|datetime)\.)+(?=\w)", ""),
    (r"^(?:mapped_column|column|field)\((.*)\)$", r"\1"),
    (r"^mapped\[(.*)\]$", r"\1"),
    (r"^(\w+)(?: *= *| +)(?:field|column)\((.*)\)$", r"\1(\2)"),
    (r"^optional\[(.*)\]", r"\1?"),
    (r"^union\[(\w+), *none\]", r"\1?"),
    (r"^(?:none|null) *\| *(\w+(?:\(.*?\))?)", r"\1?"),
    (r" *\| *(?:none|null)\b", "?"),
    (r"^literal\[(.*)\]", r"enum(\1)"),
    (r"^(?:enum|choices?|one_?of) *[:=]? *[(\[](.*?)[)\]]", r"enum(\1)"),
)
"""Patterns around a type, and their replacements, applied in this order."""

WORDS: tuple[tuple[str, str], ...] = (
    (rf"\b(?:nullable|null|blank){_FALSE}|\b(?:not|non)[ _-]?null(?:able)?{_TRUE}", " "),
    (rf"\brequired{_FALSE}", "?"),
    (rf"\b(?:required|mandatory)\b{_TRUE}", " "),
    (r"\b(?:(?:server_)?default(?:_factory)?)(?: *[:=] *| +)", "= "),
    (r"@?\bdefault\(((?:[^()]|\([^()]*\))*)\)", r"= \1"),
    (rf"= *(?:{_NOW})", "= now"),
    (r"= *(?:auto_?increment|increment)\(\)", "read_only"),
    (r"= *(?:none|null|nil)\b", "?"),
    (r"= *(?:uuid\.)?(?:uuid[147]?|cuid|gen_random_uuid)(?:\([^()]*\))?", ""),
    (r"= *true\b", "= true"),
    (r"= *false\b", "= false"),
    (rf"\b(?:nullable|null|blank|optional)\b{_TRUE}", "?"),
    (rf"\bprimary[ _]?key\b{_TRUE}|@id\b", "pk"),
    (rf"\b(?:auto_?increment|identity)\b(?: *\(-?[0-9]+, *[0-9]+\))?{_TRUE}", "pk read_only"),
    (rf"@?\bunique\b{_TRUE}", "unique"),
    (rf"@?\b(?:db_)?index(?:ed)?\b{_TRUE}", "index"),
    (rf"\bauto_now_add\b{_TRUE}", "= now read_only"),
    (rf"@updated_?at\b|\bauto_now\b{_TRUE}", "= now read_only touch"),
    (r"@db\.\w+(?:\([^()]*\))?", " "),
    (rf"@?\b(?:{FORMER})\b *[:=(]? *['\"]?(\w+)['\"]?\)?", r"was(\1)"),
    (r"\bwas\b *[:=]? *\[([\w, ]+)\]", r"was(\1)"),
    (r"\( *was\b *[:=]? *['\"]?(\w+)['\"]? *\)", r" was(\1)"),
    (r"\bwas\b(?! *\() *[:=]? *['\"]?(\w+)['\"]?", r"was(\1)"),
    (r"\bmax_?digits *[:=] *([0-9]+)[, ]+decimal_?places *[:=] *([0-9]+)", r"(\1,\2)"),
    (r"\bprecision *[:=] *([0-9]+)[, ]+scale *[:=] *([0-9]+)", r"(\1,\2)"),
    (rf"\b(?:max_?len(?:gth)?|length|size|max(?:imum|_value)?|lt?e){_NUMBER}", r"max(\1)"),
    (rf"\b(?:min_?len(?:gth)?|min(?:imum|_value)?|gt?e){_NUMBER}", r"min(\1)"),
    (rf"\b(?:hidden|secret|private|sensitive|write-?only)\b{_TRUE}", "write_only"),
    (rf"\bread-?only\b{_TRUE}|\beditable{_FALSE}", "read_only"),
    (rf"\b(?:frozen|final|const)\b{_TRUE}", "immutable"),
    (r"\b(?:regex(?:p|_pattern)?|pattern) *[:=] *(\"[^\"]*\"|'[^']*'|[^\s()]+)", r"pattern(\1)"),
    (
        r"\b(?:help_text|description|comment|verbose_name) *[:=] *(\"[^\"]*\"|'[^']*')",
        r"doc(\1)",
    ),
)
"""Patterns of options after a type, and their replacements, applied in this order."""

TYPES: tuple[tuple[str, str], ...] = (
    (r"\w+\[\]|(?:list|array|tuple|set|sequence)\b(?:[\[<].*[\]>])?", "json"),
    (r"(?:dict|map|mapping|record)\b(?:[\[<].*[\]>])?", "json"),
    (r"pk|auto|(?:big|small)?auto_?field|(?:big|small)?serial", "int pk read_only"),
    (r"character varying|(?:n|nvar|var)?char2?|string|str(?:ing)?_?field|char_?field", "str"),
    (r"(?:long|medium|tiny)text|text_?field|clob|markdown|html", "text"),
    (r"double precision|double|real|float(?:32|64|_?field)", "float"),
    (r"positive_?(?:big|small)?_?integer_?field|uint(?:32|64)?|unsigned(?: int)?", "int(0..)"),
    (r"(?:big|small|tiny|medium)_?int(?:eger)?(?:_?field)?|integer(?:_?field)?", "int"),
    (r"int(?:2|4|8|16|32|64)|long|year", "int"),
    (r"decimal_?field|money|currency|numeric", "decimal"),
    (r"bool(?:ean)?_?field|boolean|bit|checkbox", "bool"),
    (r"timestamp(?:tz)?(?: with(?:out)? time zone)?|date_?time(?:2|_?field)?|instant", "datetime"),
    (r"date_?field|local_?date", "date"),
    (r"time_?field|local_?time", "time"),
    (r"uuid[147]?_?field|uuid[147]|guid|uniqueidentifier|cuid", "uuid"),
    (r"object|any|json(?:b|_?field|_?value)|hstore", "json"),
    (r"blob|bytea|(?:var|large|long)?_?binary(?:_?field)?|bytearray|buffer", "bytes"),
    (r"e-?mail_?(?:field|str|address)", "email"),
    (r"(?:http_?|any_?)ur[li]|ur[li]_?field|uri|link|website", "url"),
    (r"enum_?field|choice_?field", "enum"),
)
"""Patterns of types, and the types of a spec."""

REMEDIES: tuple[tuple[str, str], ...] = (
    (r"num(?:ber)?", "int | float | decimal(10,2)"),
    (r"passwords?", "str(8..) write_only"),
    (r"phone(?:_?number)?|tel", "str(..20) pattern([+0-9 -]+)"),
    (r"slug(?:_?field)?", "str(1..80) pattern([a-z0-9-]+) unique"),
    (r"(?:file|image)(?:_?field)?|upload", "bytes(..65536)"),
    (r"(?:ip|ipv4|generic_?ip)_?(?:address)?(?:_?field)?|inet", "str(..45)"),
    (r"enum|choices?", "enum(red, green)"),
)
"""Patterns of an entire field that has no exact equivalent, and what to write: one or several."""

KEYS: dict[str, str] = {
    "nullable": "optional: true",
    "null": "optional: true",
    "blank": "optional: true",
    "primary_key": "pk: true",
    "primaryKey": "pk: true",
    "id": "pk: true",
    "db_index": "index: true",
    "indexed": "index: true",
    "max_length": "max: 80",
    "maxLength": "max: 80",
    "length": "max: 80",
    "size": "max: 80",
    "maximum": "max: 80",
    "max_value": "max: 80",
    "le": "max: 80",
    "min_length": "min: 1",
    "minLength": "min: 1",
    "minimum": "min: 0",
    "min_value": "min: 0",
    "ge": "min: 0",
    "regex": "pattern: '[A-Z]+'",
    "max_digits": "precision: 10",
    "decimal_places": "scale: 2",
    "enum": "type: enum, values: [red, green]",
    "choices": "type: enum, values: [red, green]",
    "hidden": "write_only: true",
    "secret": "write_only: true",
    "readonly": "read_only: true",
    "readOnly": "read_only: true",
    "writeOnly": "write_only: true",
    "auto_now_add": "default: now, read_only: true",
    "auto_now": "default: now, read_only: true, touch: true",
    "description": "doc: What it is.",
    "help_text": "doc: What it is.",
    "comment": "doc: What it is.",
    "title": "doc: What it is.",
    "alias": "json: otherName",
    "db_column": "column: OtherName",
    "examples": "example: one of them",
    "server_default": "default: 0",
    "default_factory": "default: now",
    **dict.fromkeys(
        ("foreign_key", "references", "ref", "belongs_to", "to", "on_delete"),
        "type: reference, to: Team",
    ),
}
"""Keys of a field in the long form, and what to write instead."""

ENTITY_KEYS: dict[str, str] = {
    **dict.fromkeys(("columns", "properties", "attributes", "props"), "fields: {name: str}"),
    **dict.fromkeys(("description", "comment", "help_text", "title"), "doc: What it is."),
    **dict.fromkeys(("entity", "model", "class"), "name: Hero"),
    **dict.fromkeys(("url", "route", "prefix", "endpoint"), "path: /heroes"),
    **dict.fromkeys(("db_table", "__tablename__", "collection"), "table: hero"),
    **dict.fromkeys(("unique_together", "uniques"), "unique: [[a, b]]"),
    "constraints": "check: [a < b]' or 'unique: [[a, b]]",
    **dict.fromkeys(("checks", "check_constraints"), "check: [a < b]"),
    **dict.fromkeys(("validate", "validates", "validation", "validations"), "check: [a < b]"),
    **dict.fromkeys(("validators", "rules", "rule", "invariants", "assert"), "check: [a < b]"),
    **dict.fromkeys(("id", "pk", "primary_key", "primaryKey"), "fields: {id: int pk read_only}"),
    **dict.fromkeys(
        ("relations", "relation", "relationships", "references", "foreign_keys"),
        "fields: {team_id: -> Team}' or 'links: {powers: Power}",
    ),
    **dict.fromkeys(("belongs_to", "has_one", "parent"), "fields: {team_id: -> Team}"),
    **dict.fromkeys(
        ("many_to_many", "has_many", "has_and_belongs_to_many"), "links: {powers: Power}"
    ),
    "include": "api: {include: [team]}",
    "related": "api: {related: [team__name]}",
    "nested": "api: {nested: [heroes]}",
    "embed": "api: {embed: [team]}",
    "counts": "api: {counts: [heroes]}",
    "write": "api: {write: {lines: create}}",
    **dict.fromkeys(("operations", "methods"), "api: {operations: [list, read]}"),
    **dict.fromkeys(("filter", "filters"), "api: {filter: [name]}"),
    "sort": "api: {sort: [name]}",
    **dict.fromkeys(("export", "exports", "csv"), "api: {export: [csv, ndjson]}"),
    "search": "api: {search: [name]}",
    **dict.fromkeys(("page", "pagination"), "api: {page: {default: 20}}"),
}
"""Keys of an entity that have another name or place, and what to write instead."""

API_KEYS: dict[str, str] = {
    **dict.fromkeys(
        ("expand", "populate", "with", "relations", "relationships", "join", "joins"),
        "include: [team]",
    ),
    **dict.fromkeys(("filters", "filterset_fields", "filterable", "where"), "filter: [name]"),
    **dict.fromkeys(("ordering", "order_by", "order", "sortable", "sorting"), "sort: [name]"),
    **dict.fromkeys(("search_fields", "searchable", "q"), "search: [name]"),
    **dict.fromkeys(("pagination", "paging", "limit", "page_size"), "page: {default: 20}"),
    **dict.fromkeys(("methods", "actions", "only"), "operations: [list, read]"),
    **dict.fromkeys(("exports", "formats", "csv", "ndjson"), "export: [csv, ndjson]"),
    **dict.fromkeys(("nested_writes", "writes", "writable"), "write: {lines: create}"),
}
"""Keys of the `api` block in the words of other frameworks, and what to write instead."""

OPERATIONS: dict[str, Operation] = {
    **dict.fromkeys(("bulk_create", "create_bulk", "insert_many"), Operation.CREATE_MANY),
    **dict.fromkeys(("bulk_update", "update_bulk", "patch_many"), Operation.UPDATE_MANY),
    **dict.fromkeys(("bulk_delete", "delete_bulk", "destroy_many"), Operation.DELETE_MANY),
    **dict.fromkeys(("insert", "post", "add", "new"), Operation.CREATE),
    **dict.fromkeys(("get", "retrieve", "detail", "show"), Operation.READ),
    **dict.fromkeys(("index", "get_all", "read_many", "find"), Operation.LIST),
    **dict.fromkeys(("patch", "edit", "partial_update"), Operation.UPDATE),
    "put": Operation.REPLACE,
    **dict.fromkeys(("destroy", "remove"), Operation.DELETE),
}
"""Operations in the words of other frameworks and of HTTP."""

EXPORT_FORMATS: dict[str, ExportFormat] = {
    **dict.fromkeys(("excel", "spreadsheet", "text/csv"), ExportFormat.CSV),
    **dict.fromkeys(("jsonl", "jsonlines", "json_lines", "json-lines"), ExportFormat.NDJSON),
    "application/x-ndjson": ExportFormat.NDJSON,
}
"""Formats of a list in other words, and by their media types."""

REFERENCE_KEYS: dict[str, str] = {
    **dict.fromkeys(
        ("entity", "target", "model", "class", "table", "references", "ref", "foreign_key"),
        "to: Team",
    ),
    **dict.fromkeys(("ondelete", "onDelete", "delete"), "on_delete: cascade"),
    **dict.fromkeys(
        ("back_populates", "related_name", "backref", "inverse_of", "reverse"), "inverse: heroes"
    ),
    **dict.fromkeys(("as", "name"), "relation: team"),
    **dict.fromkeys(("sort", "order_by"), "order: [name]"),
    **{
        key: KEYS[key]
        for key in ("nullable", "null", "blank", "description", "comment", "title", "alias")
    },
    "db_column": "column: OtherName",
}
"""Keys of a reference in the long form, and what to write instead."""

CHECK_KEYS: dict[str, str] = {
    **dict.fromkeys(("if", "when", "condition", "expression", "expr"), "rule: a < b"),
    **dict.fromkeys(("check", "constraint", "sql", "that", "where", "test"), "rule: a < b"),
    **dict.fromkeys(("message", "msg", "error", "text", "doc"), "says: What is wrong."),
    **dict.fromkeys(("error_message", "description", "violation"), "says: What is wrong."),
    **dict.fromkeys(("id", "constraint_name"), "name: a_before_b"),
}
"""Keys of a check in the long form, and what to write instead."""

LINK_KEYS: dict[str, str] = {
    **dict.fromkeys(("entity", "target", "model", "class", "ref"), "to: Power"),
    **dict.fromkeys(
        ("back_populates", "related_name", "backref", "inverse_of", "reverse"), "inverse: heroes"
    ),
    **dict.fromkeys(("through", "secondary", "link_model", "using"), "via: Membership"),
    **dict.fromkeys(("db_table", "link_table", "join_table"), "table: hero_power_link"),
}
"""Keys of a link in the long form, and what to write instead."""

ON_DELETE: dict[str, OnDelete] = {
    **dict.fromkeys(("set null", "setnull", "set-null", "nullify"), OnDelete.SET_NULL),
    **dict.fromkeys(("no action", "no_action", "protect", "do_nothing"), OnDelete.RESTRICT),
    **{str(action): action for action in OnDelete},
    "delete": OnDelete.CASCADE,
}
"""What happens on delete, in the words of SQL and of other frameworks."""

NESTED_WRITES: dict[str, NestedWrite] = {
    **dict.fromkeys(("ids", "id", "pks", "link", "links", "set", "connect"), NestedWrite.KEYS),
    **dict.fromkeys(("insert", "new", "add", "post", "nested"), NestedWrite.CREATE),
}
"""What bodies contain for a relation, in the words of other frameworks."""

FORMER_KEYS = re.compile(rf"renamed|renames|{FORMER}", re.IGNORECASE)
"""Matches keys of former names."""

NEEDLESS_KEYS = ("required", "not_null", "notnull", "mandatory")
"""Keys without an equivalent: a field without `optional` and `default` is required anyway."""

DEFAULTS: tuple[tuple[str, str], ...] = (
    (_NOW, "now"),
    (r"none|nil|null", "null"),
    (r"true|yes|on", "true"),
    (r"false|no|off", "false"),
)
"""Patterns of defaults in other spellings, and the defaults of a spec."""
