"""Changes of generated code that a test must notice."""

from collections.abc import Mapping, Sequence


def mutated(tree: Mapping[str, str], mutation: Sequence[str]) -> Mapping[str, str]:
    """Return a tree with changes: each is a path, a text in the file, and the text instead."""
    changed = dict(tree)
    for path, old, new in zip(mutation[::3], mutation[1::3], mutation[2::3], strict=True):
        assert old in changed[path], f"{path} has no longer {old!r}"
        changed[path] = changed[path].replace(old, new)
    return changed
