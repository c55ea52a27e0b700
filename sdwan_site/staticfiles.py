"""Static files under hashed names, so that browsers may keep them for a year."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Falls back to the plain name before ``collectstatic`` has run (tests, first start)."""

    manifest_strict = False
