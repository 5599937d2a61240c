import importlib
import inspect
import linecache
import sys
import traceback
from pathlib import Path
from types import ModuleType

import pytest

from crudgen.codegen.tree import SourceFile, SourceTree
from crudgen.delivery.memory import import_folder, import_tree, unload

MODELS = '''"""Heroes."""


class Hero:
    """Somebody who saves people."""

    name = "Deadpond"
'''

ROUTES = """from .models import Hero


def read_hero() -> type[Hero]:
    raise LookupError("no hero")
"""


def make_tree(**changes: str) -> SourceTree:
    texts = {
        "README.md": "# Heroes\n",
        "app/__init__.py": '"""The application."""\n',
        "app/heroes/__init__.py": "",
        "app/heroes/models.py": MODELS,
        "app/heroes/routes.py": ROUTES,
        "tests/test_heroes.py": "raise RuntimeError('no part of the package')\n",
        **changes,
    }
    return SourceTree(SourceFile(path, text) for path, text in texts.items())


def submodule(package: ModuleType, name: str) -> ModuleType:
    return importlib.import_module(f"{package.__name__}.{name}")


def test_source_is_shown_by_inspect() -> None:
    package = import_tree(make_tree())
    models = submodule(package, "heroes.models")
    assert inspect.getsource(models) == MODELS
    assert inspect.getsource(models.Hero) == MODELS[MODELS.index("class") :]
    assert inspect.getsource(package) == '"""The application."""\n'
    unload(package)


def test_a_traceback_shows_the_generated_line() -> None:
    package = import_tree(make_tree())
    routes = submodule(package, "heroes.routes")
    with pytest.raises(LookupError) as caught:
        routes.read_hero()
    text = "".join(traceback.format_exception(caught.value))
    assert f'File "<{package.__name__}>/heroes/routes.py", line 5, in read_hero' in text
    assert 'raise LookupError("no hero")' in text
    unload(package)


def test_two_trees_live_side_by_side() -> None:
    changed = MODELS.replace("Deadpond", "Spider-Boy")
    first, second = (
        import_tree(make_tree()),
        import_tree(make_tree(**{"app/heroes/models.py": changed})),
    )
    one, two = submodule(first, "heroes.models"), submodule(second, "heroes.models")
    assert (one.Hero.name, two.Hero.name) == ("Deadpond", "Spider-Boy")
    assert "Deadpond" in inspect.getsource(one.Hero)
    assert "Spider-Boy" in inspect.getsource(two.Hero)
    assert submodule(first, "heroes.routes").Hero is one.Hero
    unload(first)
    assert inspect.getsource(two) == changed
    unload(second)


def test_unload_forgets_everything() -> None:
    finders = list(sys.meta_path)
    package = import_tree(make_tree())
    inspect.getsource(submodule(package, "heroes.models"))
    unload(package)
    assert sys.meta_path == finders
    assert not [name for name in sys.modules if name.startswith(package.__name__)]
    assert not [name for name in linecache.cache if package.__name__ in name]
    with pytest.raises(ModuleNotFoundError):
        submodule(package, "heroes.routes")


def test_a_package_that_does_not_import_leaves_nothing_behind() -> None:
    finders, modules = list(sys.meta_path), set(sys.modules)
    with pytest.raises(SyntaxError) as caught:
        import_tree(make_tree(**{"app/__init__.py": "def broken(:\n"}))
    assert (caught.value.filename or "").endswith(">/__init__.py")
    assert sys.meta_path == finders
    assert set(sys.modules) == modules


def test_a_tree_without_a_package_is_an_import_error() -> None:
    with pytest.raises(ImportError):
        import_tree({"README.md": ""})


def test_a_missing_module_is_named() -> None:
    package = import_tree(make_tree())
    with pytest.raises(ModuleNotFoundError, match=r"heroes\.nothing"):
        submodule(package, "heroes.nothing")
    unload(package)


def test_a_folder_keeps_its_file_names(tmp_path: Path) -> None:
    for path, text in make_tree().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    package = import_folder(tmp_path)
    routes = submodule(package, "heroes.routes")
    file = tmp_path / "app/heroes/routes.py"
    assert routes.__file__ == str(file)
    assert inspect.getsource(routes) == ROUTES
    unload(package)
    file.write_text(ROUTES.replace("no hero", "no zero"), "utf-8")
    package = import_folder(tmp_path)
    with pytest.raises(LookupError, match="no zero"):
        submodule(package, "heroes.routes").read_hero()
    unload(package)
    assert not list(tmp_path.rglob("__pycache__"))
