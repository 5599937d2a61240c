"""Recognizes spec files, even invalid ones. Reason to change: other top-level keys.

Diagnostics do not quote other files: a folder of entities may contain a link to a password file.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice

_KEY = re.compile(
    r"""^(?:"([^"\n]+)"|'([^'\n]+)'|([A-Za-z_][\w-]*))[ \t]*:(?=\s|$)""", re.MULTILINE
)
"""Matches a top-level key in block style."""
_FLOW_KEY = re.compile(r"""[{,]\s*(?:"([^"\n]+)"|'([^'\n]+)'|([A-Za-z_][\w-]*))\s*:""")
"""Matches a key in flow style, as in JSON."""
_FLOW = re.compile(r"(?:\s|#.*\n|---\s)*\{")
_MIN_SIMILARITY = 0.75
"""Minimum similarity of a misspelled key to the correct one."""
_MAX_KEYS = 500
"""Maximum number of keys that are examined."""
_MAX_LENGTH_DIFFERENCE = 2
"""Maximum difference in length of a misspelled key and the correct one."""


def looks_like_spec(
    data: bytes | str, keys: Iterable[str], *, required: str, is_outside: bool
) -> bool:
    """Return whether a file looks like a spec with these top-level keys, valid or not.

    One known key is sufficient for a regular file. A file that is a symbolic link to outside the
    folder (`is_outside`) must contain the `required` key, or no unknown key.
    """
    text = data.decode("utf-8-sig", "replace") if isinstance(data, bytes) else data
    known = [*keys]
    found = {*islice(_top_keys(text), _MAX_KEYS)}
    unknown = {key for key in found if not _is_similar(key.lower(), known)}
    if found == unknown:
        return False
    return not is_outside or required in found or not unknown


def _is_similar(key: str, known: list[str]) -> bool:
    close = get_close_matches(key, known, 1, _MIN_SIMILARITY)
    return bool(close) and abs(len(close[0]) - len(key)) <= _MAX_LENGTH_DIFFERENCE


def _top_keys(text: str) -> Iterator[str]:
    """Yield the top-level keys of a text; in flow style, also the nested ones."""
    pattern = _FLOW_KEY if _FLOW.match(text) else _KEY
    for match in pattern.finditer(text):
        yield next(key for key in match.groups() if key is not None)
