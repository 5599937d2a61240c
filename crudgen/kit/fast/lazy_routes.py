"""Routes that are made when they are first needed."""

from collections.abc import Callable
from threading import RLock
from typing import Any

from starlette.routing import get_name

from ..http.routing import Route

_building = RLock()


class LazyRoute(Route):
    """A route that FastAPI builds when any attribute of it is first needed."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.path, self.endpoint, self._options = path, endpoint, options
        self.name = options.get("name") or get_name(endpoint)

    def __getattr__(self, name: str) -> Any:
        """Build the route, perhaps in two threads at once."""
        with _building:
            options = self.__dict__.pop("_options", None)
            if options is not None:
                super().__init__(self.path, self.endpoint, **options)
        return self.__getattribute__(name)
