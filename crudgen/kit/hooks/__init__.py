"""What the functions in `hooks.py` of an entity use."""

from .errors import Refused
from .transaction import Transaction

__all__ = ["Refused", "Transaction"]
