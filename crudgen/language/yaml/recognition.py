"""Whether a file is a spec at all: of one that is not, no message shows a word.

A folder of entities may hold a link to a password file. Changes when specs get other top keys.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice

_KEY = re.compile(
    r"""^(?:"([^"\n]+)"|'([^'\n]+)'|([A-Za-z_][\w-]*))[ \t]*:(?=\s|$)""", re.MULTILINE
)
"""A key of a map at the left margin, as YAML writes it."""
_FLOW_KEY = re.compile(r"""[{,]\s*(?:"([^"\n]+)"|'([^'\n]+)'|([A-Za-z_][\w-]*))\s*:""")
"""A key of a map in braces, as JSON writes it."""
_FLOW = re.compile(r"(?:\s|#.*\n|---\s)*\{")
_ALIKE = 0.75
"""How alike a misspelt key is to the one that was meant, of 1."""
_MOST = 500
"""How many keys are looked at."""
_LONGER = 2
"""How many letters it may have more or less."""


def is_spec(data: bytes | str, keys: Iterable[str], *, mark: str, is_elsewhere: bool) -> bool:
    """Tell whether a file is a spec with some of these keys, perhaps a broken one.

    One key is enough for a file that lies where specs lie. What a link leads to elsewhere needs the
    key that marks such a spec, or no key that is strange to it.
    """
    text = data.decode("utf-8-sig", "replace") if isinstance(data, bytes) else data
    known = [*keys]
    written = {*islice(_top_keys(text), _MOST)}
    strange = {key for key in written if not _is_meant(key.lower(), known)}
    if written == strange:
        return False
    return not is_elsewhere or mark in written or not strange


def _is_meant(key: str, known: list[str]) -> bool:
    alike = get_close_matches(key, known, 1, _ALIKE)
    return bool(alike) and abs(len(alike[0]) - len(key)) <= _LONGER


def _top_keys(text: str) -> Iterator[str]:
    """List the keys at the top of a text; of a map in braces, also those further in."""
    pattern = _FLOW_KEY if _FLOW.match(text) else _KEY
    for match in pattern.finditer(text):
        yield next(key for key in match.groups() if key is not None)
