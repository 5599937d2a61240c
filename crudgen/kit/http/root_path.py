"""The path below which clients see the application, where it is not the root of its host.

A proxy strips it or not, a server adds it to the path or not. Links lead below it in every case.
"""

from collections.abc import Collection

from starlette.types import Scope


class RootPath:
    """The root path of an application: its own, then that of the server or of a mount."""

    def __init__(self, own: str, prefixes: Collection[str]) -> None:
        """`prefixes` are the paths of the application's routers."""
        self.own = own
        self._prefixes = prefixes
        self._checked = ""
        self._is_ambiguous = False

    def place(self, scope: Scope) -> str:
        """Let the path of a scope begin with its root path (ASGI); return the path below it."""
        given: str = scope.get("root_path", "")
        path = _below(given, scope["path"])
        root = given if _is_below(self.own, given) else self.own + given
        is_mounted = "app_root_path" in scope
        if not is_mounted and _is_below(root, path) and not self._begins_a_router(root):
            path = _below(root, path)  # a proxy has left it in place
        scope.update(root_path=root, path=root + path)
        return path

    def _begins_a_router(self, root: str) -> bool:
        """Tell whether a router's path begins so: the proxy then has to strip the root path."""
        if root != self._checked:
            self._is_ambiguous = any(_is_below(root, prefix) for prefix in self._prefixes)
            self._checked = root
        return self._is_ambiguous


def _is_below(root: str, path: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _below(root: str, path: str) -> str:
    return path[len(root) :] if _is_below(root, path) else path
