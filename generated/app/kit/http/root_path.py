"""The root path of the application: the prefix that clients use behind a proxy.

A proxy may strip the root path, and a server may add it to the path. Links always contain it.
"""

from collections.abc import Collection

from starlette.types import Scope


class RootPath:
    """The root path of an application, from its settings, the server or a mount."""

    def __init__(self, own: str, prefixes: Collection[str]) -> None:
        """Take the root path of the settings and the prefixes of the application's routers."""
        self.own = own
        self._prefixes = prefixes
        self._checked = ""
        self._is_ambiguous = False

    def apply(self, scope: Scope) -> str:
        """Set the root path of a scope, and let its path start with it, as ASGI requires.

        Return the path below the root path.
        """
        given: str = scope.get("root_path", "")
        path = _path_below(given, scope["path"])
        root = given if _is_below(self.own, given) else self.own + given
        is_mounted = "app_root_path" in scope
        if not is_mounted and _is_below(root, path) and not self._starts_router_prefix(root):
            path = _path_below(root, path)  # the proxy did not strip it
        scope.update(root_path=root, path=root + path)
        return path

    def _starts_router_prefix(self, root: str) -> bool:
        """Return whether a router's prefix starts with `root`; then the proxy must strip `root`."""
        if root != self._checked:
            self._is_ambiguous = any(_is_below(root, prefix) for prefix in self._prefixes)
            self._checked = root
        return self._is_ambiguous


def _is_below(root: str, path: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _path_below(root: str, path: str) -> str:
    return path[len(root) :] if _is_below(root, path) else path
