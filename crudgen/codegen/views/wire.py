"""JSON form of values, for examples and tests. Reason to change: the JSON form of a type."""

import base64
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

from crudgen.language.schema import Field, Json, Value


def to_json_value(field: Field, value: Value) -> Json:
    """Return the JSON value that the API returns for a value of a field."""
    match value:
        case Decimal():
            return format(value.quantize(Decimal(1).scaleb(-(field.scale or 0))), "f")
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
    return value
