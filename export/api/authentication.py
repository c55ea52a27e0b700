"""Who calls: a program with ``Authorization: Token …``, or a person's session."""

from __future__ import annotations

from knox.auth import TokenAuthentication


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox is untyped
    """Knox's hashed, expiring tokens; ``request.auth`` is the ``ApiToken``."""
