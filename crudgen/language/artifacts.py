"""Parts of an emitted project that a spec requests. Reason to change: another such part."""

from enum import StrEnum


class Artifact(StrEnum):
    """Parts of an emitted project that it contains only on request."""

    PROVIDER = "provider"
    """`clients/provider.ts`: data providers for react-admin and refine."""
