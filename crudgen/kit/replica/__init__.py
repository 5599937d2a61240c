"""Reads from a replica (`read_replica: true`): which server answers, and tokens of writes."""

from .router import ReplicaRouter

__all__ = ["ReplicaRouter"]
