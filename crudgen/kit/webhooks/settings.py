"""The settings of an application with webhooks."""

from fastapi import FastAPI
from pydantic import SecretStr

from ..errors import StartupError
from ..settings import BaseAppSettings
from .receiver import Receiver, is_url
from .signature import SecretError, read_secrets

_COMMAND = (
    "python -c 'import base64, secrets; "
    'print("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())\''
)


class WebhookSettings(BaseAppSettings):
    """The settings of webhooks. A subclass has the URL and the secret of each webhook."""

    webhooks: bool = True
    """Whether this process sends webhooks. With `false`, messages are only stored."""

    def install(self, app: FastAPI) -> None:
        """Configure the receivers; raise StartupError if a URL or secret is missing or invalid."""
        super().install(app)
        names = [name for name in type(self).model_fields if name.startswith("webhook_")]
        webhooks = [name.removesuffix("_secret") for name in names if name.endswith("_secret")]
        app.state.receivers = {
            name.removeprefix("webhook_"): self._receiver(name)
            for name in (webhooks if self.webhooks else ())
        }

    def _receiver(self, name: str) -> Receiver:
        url: str | None = getattr(self, f"{name}_url")
        secret: SecretStr | None = getattr(self, f"{name}_secret")
        variable = name.upper()
        if not url:
            raise StartupError(
                f"{variable}_URL is missing\n"
                "  set it to the URL of the receiver, or WEBHOOKS=false to send nothing"
            )
        if not is_url(url):
            raise StartupError(
                f"{variable}_URL should be a URL with https, such as https://example.com/hooks,"
                " without credentials\n  http is possible to this machine: http://127.0.0.1:9000/"
            )
        if secret is None or not secret.get_secret_value().strip():
            raise StartupError(
                f"{variable}_SECRET is missing\n"
                f"  set it to a secret that the receiver knows; this prints one: {_COMMAND}\n"
                "  or set WEBHOOKS=false to send nothing"
            )
        try:
            return Receiver(url, read_secrets(secret.get_secret_value()))
        except SecretError as error:
            remedy = f"this prints one: {_COMMAND}"
            raise StartupError(f"{variable}_SECRET {error}\n  {remedy}") from None
