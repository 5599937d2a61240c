"""The base of the models of the YAML. Reason to change: what all of them share."""

from functools import cache

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class BaseSpec(BaseModel):
    """Base of the spec models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def is_set(self, key: str) -> bool:
        """Return whether the spec contains the key, with any value."""
        return _attributes(type(self)).get(key) in self.model_fields_set

    @property
    def keys_set(self) -> set[str]:
        """The keys that the spec contains, as written."""
        return {type(self).model_fields[name].alias or name for name in self.model_fields_set}

    @classmethod
    def allowed_keys(cls) -> dict[str, FieldInfo]:
        """Return the keys of the model, as written. An attribute of pydantic has an alias."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


@cache
def _attributes(model: type[BaseSpec]) -> dict[str, str]:
    """Return the attribute of each key of a model."""
    return {field.alias or name: name for name, field in model.model_fields.items()}
