"""A resource whose lists can be filtered and sorted by related rows."""

from collections.abc import Sequence
from typing import Any

from ..models import Model
from ..query.columns import Columns
from ..query.related_columns import RelatedColumns
from .related import RelatedResource


class RelatedListResource(RelatedResource):
    """A resource whose lists can be filtered and sorted by related rows.

    `related` are the paths to filter by: `team__name`; `heroes__any__age`, which allows
    `heroes__none__age` as well; and `heroes` for `heroes__exists`. Lists can also be sorted by a
    path to one row.
    """

    supports_row_rules = True

    def __init__(
        self, model: type[Model], *, public: type[Model], related: Sequence[str], **rest: Any
    ) -> None:
        self._related_paths = related
        super().__init__(model, public=public, **rest)

    def _list_columns(self, model: type[Model], public: type[Model], **names: Any) -> Columns:
        paths = self._related_paths
        return RelatedColumns(model, public, related=self._related, paths=paths, **names)
