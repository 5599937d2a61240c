"""The names for the functions in `hooks.py` of an entity."""

from .errors import Refused
from .transaction import Transaction

__all__ = ["Refused", "Transaction"]
