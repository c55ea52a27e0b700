"""Pages of the shell: probes of the process, account, errors."""

from __future__ import annotations
