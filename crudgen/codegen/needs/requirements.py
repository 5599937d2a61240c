"""What a user's pyproject.toml lacks. Reason to change: how versions are compared."""

import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from .lines import MissingLine

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class Required:
    """A requirement that pyproject.toml must list, in `dependencies` or in any extra or group.

    `extra` is the extra in which a missing one is reported; empty for `dependencies`. With
    `everywhere`, it must be in `dependencies`: an extra of many projects lists it too.
    """

    requirement: str
    extra: str = ""
    everywhere: bool = False

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the requirement unless a listed one allows some of the same versions."""
        listed = _requirements_in(text, extras=not self.everywhere)
        if listed is None or any(_ranges_overlap(self.requirement, one) for one in listed):
            return
        table = "[project.optional-dependencies]" if self.extra else "[project]"
        yield MissingLine(f'"{self.requirement}",', f"in {table} {self.extra or 'dependencies'}")


@dataclass(frozen=True, slots=True)
class ToolTable:
    """A table of pyproject.toml that configures a tool, unless a file of its own does.

    `lines` are the lines of a new table.
    """

    tool: str
    lines: tuple[str, ...]

    def missing_lines(self, text: str) -> Iterator[MissingLine]:
        """Yield the lines of the table if there is none."""
        try:
            tools = tomllib.loads(text).get("tool")
        except (ValueError, RecursionError):
            return
        if not isinstance(tools, dict) or self.tool not in tools:
            yield from (MissingLine(line, f"in [tool.{self.tool}]") for line in self.lines)


def _requirements_in(text: str, *, extras: bool) -> list["Requirement"] | None:
    """Return the requirements of pyproject.toml, or None if another file or tool lists them."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 -- lazy

    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    project = document.get("project")
    if not isinstance(project, dict) or not isinstance(project.get("dependencies"), list):
        return None
    dynamic = project.get("dynamic")
    if isinstance(dynamic, list) and "optional-dependencies" in dynamic:
        return None
    groups = [project.get("optional-dependencies"), document.get("dependency-groups")]
    lists: list[Any] = [project["dependencies"]]
    if extras:
        lists += [each for group in groups if isinstance(group, dict) for each in group.values()]
    found = []
    for one in [one for each in lists if isinstance(each, list) for one in each]:
        try:
            found.append(Requirement(one))
        except (InvalidRequirement, TypeError):
            continue
    return found


def _ranges_overlap(needed: str, listed: "Requirement") -> bool:
    """Return whether a listed requirement allows a version of the needed one."""
    from packaging.requirements import Requirement  # noqa: PLC0415 -- lazy
    from packaging.utils import canonicalize_name  # noqa: PLC0415 -- lazy

    required = Requirement(needed)
    if canonicalize_name(required.name) != canonicalize_name(listed.name):
        return False
    specifiers = (required.specifier, listed.specifier)
    return any(
        all(specifier.contains(one, prereleases=True) for specifier in specifiers)
        for one in ("0", *_probe_versions(bound.version for bound in chain(*specifiers)))
    )


def _probe_versions(bounds: Iterable[str]) -> Iterator[str]:
    """Yield each version bound, and one right above it: ranges that overlap share one of them."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415 -- lazy

    for bound in bounds:
        with suppress(InvalidVersion):
            found = Version(bound.removesuffix(".*"))
            yield str(found)
            yield ".".join(map(str, (*found.release, 1)))
