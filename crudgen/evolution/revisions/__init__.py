"""Revisions for Alembic: files with the changes of a spec. Reason to change: what others use."""
