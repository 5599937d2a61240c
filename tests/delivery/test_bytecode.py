from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

import crudgen
from crudgen.delivery.bytecode import bytecode

CRUDGEN = Path(crudgen.__file__).parent
KIT = sorted(path.relative_to(CRUDGEN).as_posix() for path in (CRUDGEN / "kit").rglob("*.py"))


def all_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from all_code(one)


@pytest.mark.parametrize("path", KIT)
def test_the_code_of_the_kit_is_that_of_its_source(path: str) -> None:
    text = (CRUDGEN / path).read_text("utf-8")
    found = bytecode(text, path, f"<app>/{path}")
    assert found == compile(text, f"<app>/{path}", "exec", dont_inherit=True)
    assert {one.co_filename for one in all_code(found)} == {f"<app>/{path}"}


@pytest.mark.parametrize("path", ["kit/errors.py", "kit/own.py", "heroes/models.py"])
def test_other_sources_are_compiled(path: str) -> None:
    found = bytecode("def answer():\n    return 42\n", path, f"<app>/{path}")
    names: dict[str, object] = {}
    exec(found, names)  # noqa: S102 -- the source above
    assert callable(names["answer"])
    assert {one.co_filename for one in all_code(found)} == {f"<app>/{path}"}


@pytest.mark.parametrize("path", ["kit/errors.py", "heroes/models.py"])
def test_an_error_names_the_file_that_is_imported(path: str) -> None:
    with pytest.raises(SyntaxError, match="invalid syntax") as caught:
        bytecode("def answer(:\n", path, f"<app>/{path}")
    assert (caught.value.filename, caught.value.lineno) == (f"<app>/{path}", 1)
