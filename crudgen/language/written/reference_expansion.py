"""Short form of references → long form. Reason to change: the diagnostics of references."""

import re

from crudgen.language.names import ClassName
from crudgen.language.relations import OnDelete
from crudgen.language.types import REFERENCE, REFERENCE_OPTIONS
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.nodes import Mapping, Scalar
from crudgen.language.yaml.problems import quoted

from .parser import ShortFormParser
from .shorthand import REFERENCE_PARTS

REJECTED = {
    "index": "remove it: a reference has an index",
    "pk": "remove it: a reference cannot be the primary key; with 'unique', at most one row refers"
    " to each",
    "restrict": "remove it: it is the default",
    **dict.fromkeys(
        ("min", "max", "pattern", "as_sent", "controls"),
        "remove it: a reference has the rules of the key that it refers to",
    ),
    "computed": "remove it, and write the type of the key, such as 'int computed'",
    "touch": "remove it: it is for date, time and datetime",
}
"""Options that a reference does not have, and what to do instead."""


class ReferenceExpansion(ShortFormParser):
    """Parses the short form of a reference: `-> Team? set_null`."""

    options = REFERENCE_OPTIONS

    def run(self) -> Mapping | None:
        """Return the long form, or None if the short form has an error."""
        match = REFERENCE_PARTS.fullmatch(self.text)
        if match is None or not self._parse_target(match):
            return None
        if match["optional"]:
            self._put_flag("optional", self._locate(match.start("optional"), match.end("optional")))
        self._parse_default(match)
        if len(self.problems) == self.before:
            self._parse_options(match)
        if len(self.problems) > self.before:
            return None
        return Mapping(self.location, tuple(self.entries))

    def _parse_target(self, match: re.Match[str]) -> bool:
        arrow = self._locate(match.start("arrow"), match.end("arrow"))
        word, location = (
            match["target"],
            self._locate(match.start("target"), match.end("target")),
        )
        self._put_entry("type", arrow, Scalar(arrow, REFERENCE))
        self._put_entry("to", location, Scalar(location, word))
        if ClassName.PATTERN.fullmatch(word):
            return True
        name = "".join(part[:1].upper() + part[1:] for part in re.split("[_-]", word))
        name = name if ClassName.PATTERN.fullmatch(name) else "Team"
        problem = f"expected an entity, found {quoted(word)}" if word else "missing entity"
        self.problems.add(location if word else arrow, problem, f"such as '-> {name}'")
        return False

    def _parse_default(self, match: re.Match[str]) -> None:
        if match["default"] is None:
            return
        value, location = (
            match["value"],
            self._locate(match.start("value"), match.end("value")),
        )
        if value is None:
            location = self._locate(match.start("default"), match.end())
            self.problems.add(location, "missing default after '='", "such as '= 1' or '= \"a\"'")
            return
        if value[0] not in "\"'":
            self.default_at = match.start("value")
        self._put_value("default", location, value, location)

    def _put_flag(self, name: str, location: Location) -> None:
        if name not in OnDelete.__members__.values():
            super()._put_flag(name, location)
            return
        first = next((entry.value for entry in self.entries if entry.key == "on_delete"), None)
        if first is not None:
            problem = f"'{name}' cannot be combined with another action on delete"
            self.problems.add(location, problem, "remove one of them")
        self._put_entry("on_delete", location, Scalar(location, name))

    def _reject_word(self, name: str, location: Location) -> None:
        if name in REJECTED:
            self.problems.add(location, f"'{name}' does not apply to references", REJECTED[name])
        else:
            super()._reject_word(name, location)
