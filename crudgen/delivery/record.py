"""The record of what crudgen generated last, `.crudgen.json`. Reason to change: its format.

It has one line for each file, so that changes of different files do not conflict in version
control:

    {
    "files": {
    "app/api.py": ["SHA-256", "base64(zlib(text))"],
    "app/heroes/models.py": ["SHA-256", "base64(zlib(text))", "hero/models.py"]
    },
    "owned": {
    "app/heroes/routes.py": "SHA-256"
    }
    }

The text is the base of a merge. It is used only if the digest matches it: tools that edit all files
of a folder can change it. The third value names the part of an entity, which finds the file when
the entity gets another name. `owned` lists the files that `crudgen own` gave to the user, with the
digest of the text that crudgen would have generated last.

Version 0.1.0 wrote a map from path to digest. It is read too; there is no base then.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crudgen.delivery import journal
from crudgen.errors import OutputError

RECORD = ".crudgen.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """What crudgen generated last for a file: digest and compressed text, and the entity's part."""

    digest: str
    packed: str = ""
    part: str = ""

    @property
    def base(self) -> str | None:
        """The generated text, or None if it is absent or does not match the digest."""
        try:
            data = zlib.decompress(base64.b64decode(self.packed, validate=True))
            text = data.decode()
        except (ValueError, zlib.error, binascii.Error):
            return None
        return text if journal.digest(data) == self.digest else None

    def to_list(self) -> list[str]:
        """Return the values in the file, without empty ones at the end."""
        if self.part:
            return [self.digest, self.packed, self.part]
        return [self.digest, self.packed] if self.packed else [self.digest]

    @classmethod
    def of(cls, text: str, part: str, former: "Entry | None") -> "Entry":
        """Return the entry of a text, with the compressed form of `former` if its text is the same.

        Another version of zlib can compress it in another way, which would be a change of the line.
        """
        if former is not None and former.base == text:
            return cls(former.digest, former.packed, part)
        data = text.encode()
        packed = base64.b64encode(zlib.compress(data, 9)).decode("ascii")
        return cls(journal.digest(data), packed, part)


@dataclass(frozen=True, slots=True)
class Record:
    """The entries of all generated files by path, and the digests of those that the user owns."""

    files: Mapping[str, Entry] = field(default_factory=dict)
    owned: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        rows = {path: entry.to_list() for path, entry in self.files.items()}
        sections = [_section_text("files", rows)]
        if self.owned:
            sections.append(_section_text("owned", self.owned))
        return ("{\n" + ",\n".join(sections) + "\n}\n").encode()


def _section_text(name: str, rows: Mapping[str, Any]) -> str:
    lines = (f"{_json_text(path)}: {_json_text(rows[path])}" for path in sorted(rows))
    return f'"{name}": {{\n' + ",\n".join(lines) + "\n}"


def _json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_record(out: Path) -> Record:
    """Return the record of a folder, which is empty if there is none. Raises OutputError."""
    file = out / RECORD
    if file.is_symlink():
        raise OutputError(f"{file} is a symbolic link, but must be a file\n  remove it")
    if not file.exists():
        return Record()
    if not file.is_file():
        raise OutputError(f"{file} is not a regular file\n  remove it")
    try:
        return _parse_record(json.loads(file.read_text("utf-8")))
    except (ValueError, RecursionError) as error:
        raise OutputError(
            f"{file} cannot be read: {error}\n"
            "  restore it from version control (after a conflict, take either version), or delete"
            " it: files that differ from the generated ones then have no base to merge with"
        ) from error


def _parse_record(data: object) -> Record:
    """Return the record of a JSON value. Raises ValueError."""
    if not isinstance(data, dict):
        raise ValueError("not a map from path to hash")  # noqa: TRY004 -- handled with the others
    if not isinstance(data.get("files"), dict):
        return Record({path: _parse_entry([value]) for path, value in data.items()})
    owned = data.get("owned", {})
    if not (isinstance(owned, dict) and all(isinstance(value, str) for value in owned.values())):
        raise ValueError("'owned' is not a map from path to hash")
    return Record({path: _parse_entry(value) for path, value in data["files"].items()}, owned)


def _parse_entry(values: object) -> Entry:
    if not (isinstance(values, list) and values and all(isinstance(one, str) for one in values)):
        raise ValueError("not a map from path to hash")
    digest, packed, part, *_ = [*values, "", ""]
    return Entry(digest, packed, part)
