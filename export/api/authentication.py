"""Who calls: a program with ``Authorization: Token …``, or a person's session.

Reads only: knox' own class deletes expired tokens while it checks, which turns
every read of the API into a possible write.
"""

from __future__ import annotations

from hmac import compare_digest

from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.models import get_token_model
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed

_CURE = "Make a new one with `manage.py token USER` or in the admin."


class ApiTokenAuthentication(TokenAuthentication):
    """Knox's hashed, expiring tokens; ``request.auth`` is the ``ApiToken``; one query."""

    def authenticate_credentials(self, token: bytes) -> tuple[object, object]:
        """The user and token behind the header's ``token``; else ``AuthenticationFailed``."""
        try:
            text = token.decode("ascii")
        except UnicodeDecodeError:
            raise AuthenticationFailed(f"The token is not plain ASCII. {_CURE}") from None
        found = self._find(text)
        if found is None:
            raise AuthenticationFailed(f"The token is unknown or was revoked. {_CURE}")
        now = timezone.now()  # noqa: TID251 - the edge: a request begins here
        if found.expiry is not None and found.expiry <= now:
            raise AuthenticationFailed(f"The token has expired. {_CURE}")
        if not found.user.is_active:
            raise AuthenticationFailed("The token's user is not active; an admin can change that.")
        return found.user, found

    def _find(self, text: str):  # type: ignore[no-untyped-def]  # the swapped model has no static type
        digest = hash_token(text)
        candidates = get_token_model().objects.filter(token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH])
        for candidate in candidates.select_related("user", "site"):
            if compare_digest(candidate.digest, digest):
                return candidate
        return None
