"""The tree in CONTRIBUTING.md is the tree on disk."""

from collections.abc import Iterator

from tests.docs.pages import ROOT, blocks_of

DEPTHS = {"crudgen": 9, "docs": 9, "tests": 1, "bench": 1}
"""How deep the tree shows what a folder holds; it shows no folders in the others."""


def shown() -> dict[str, str]:
    """Return each path of the tree, with its description."""
    found = {}
    above: list[str] = []
    for line in blocks_of("CONTRIBUTING.md", "text")[0].text.splitlines():
        name, _, description = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 4
        above = [*above[:depth], name]
        found["".join(above)] = description.strip()
    return found


def on_disk(folder: str, depth: int) -> Iterator[str]:
    yield folder
    for path in (ROOT / folder).iterdir() if depth else ():
        files = (file for file in path.rglob("*.*") if file.parent.name != "__pycache__")
        if path.is_dir() and not path.name.startswith((".", "__")) and any(files):
            yield from on_disk(f"{folder}{path.name}/", depth - 1)


def test_the_tree_is_the_tree_on_disk() -> None:
    tree = {path for path in shown() if path.endswith("/")}
    expected = {path for name, depth in DEPTHS.items() for path in on_disk(f"{name}/", depth)}
    assert tree == expected | {"entities/", "generated/"}
    assert all((ROOT / path).exists() for path in shown())


def test_every_line_of_the_tree_describes_its_folder() -> None:
    assert all(shown().values())
