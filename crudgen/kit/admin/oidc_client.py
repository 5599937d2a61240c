"""What an identity provider and the admin page agree on, when the page is registered there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OidcClient:
    """The admin page as a client of an identity provider."""

    issuer: str
    jwks_url: str | None
    audience: str
    client_id: str
    client_secret: str | None
    scopes: str

    @property
    def uses_id_token(self) -> bool:
        """Whether the API accepts ID tokens: their audience is the client."""
        return self.audience == self.client_id
