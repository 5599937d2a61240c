"""Schema → the page that `crudgen serve` shows at `/`. Reason to change: another page."""

from .page import Link, Status, home_page

__all__ = ["Link", "Status", "home_page"]
