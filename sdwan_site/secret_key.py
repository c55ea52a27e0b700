"""The key that signs sessions and queued tasks: made once, kept in the data directory."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def load_or_create_secret_key(path: Path) -> str:
    """The key in ``path``; made with mode 0600 at the first call.

    Several processes may start at once: the key is written to a private file
    first and then linked to its name, so that nobody ever reads half a key.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    private = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50))
    except OSError as error:
        raise ImproperlyConfigured(
            f"No SECRET_KEY is set and none can be stored in {path}: {error.strerror}. "
            "Set SECRET_KEY or SECRET_KEY_FILE, or make PATHWARDEN_DATA_DIR writable."
        ) from None
    try:
        os.link(private, path)
    except FileExistsError:
        pass  # another process was first; its key is the key
    finally:
        private.unlink()
    return _read(path)


def _read(path: Path) -> str:
    try:
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"The key in {path} can't be read: {error}. Give the file to the user that runs "
            "Pathwarden (mode 0600), or set SECRET_KEY or SECRET_KEY_FILE."
        ) from None
    if len(key) < 50:
        raise ImproperlyConfigured(
            f"The key in {path} is too short; delete the file to get a new one."
        )
    return key
