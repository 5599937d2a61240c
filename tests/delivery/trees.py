"""Two versions of a small source tree: files are added, changed, moved and removed between them."""

from crudgen.codegen.tree import Ownership, SourceFile, SourceTree

OLD = {
    "README.md": "# Read me\n",
    "app/__init__.py": "",
    "app/api.py": "api = 1\n",
    "app/fighters/models.py": "fighter = 1\nlast = 2\n",
    "app/heroes/models.py": "hero = 1\n",
    "app/main.py": "main = 1\n",
    "app/teams/models.py": "team = 1\n",
}
NEW = {
    "README.md": "# Read me, two\n",
    "app/__init__.py": "",
    "app/api.py": "api = 2\n",
    "app/champions/models.py": "champion = 1\nlast = 2\n",
    "app/heroes/models.py": "hero = 2\n",
    "app/heroes/routes/x.py": "new = 'ä'\n",
    "app/main.py": "main = 2\n",
}
PARTS = {
    "app/fighters/models.py": ("fighter/models.py",),
    "app/champions/models.py": ("champion/models.py", "fighter/models.py"),
}
"""The parts of entities that files are, with their former names."""
MERGED = "champion = 1\nlast = 2\nmine = 3\n"
"""The file that moves, if the last line was added to it."""


def make_tree(texts: dict[str, str]) -> SourceTree:
    """Make a tree in which main.py and *.md are the owner's after the first write."""
    return SourceTree(
        SourceFile(
            path,
            text,
            Ownership.ONCE if path.endswith(("main.py", ".md")) else Ownership.GENERATED,
            part=PARTS.get(path, ("",))[0],
            former_parts=PARTS.get(path, ())[1:],
        )
        for path, text in texts.items()
    )
