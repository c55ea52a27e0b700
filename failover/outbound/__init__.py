"""Telling programs outside: signed HTTP posts and bounded child processes.

For executors, hooks and notifiers alike. No Django, no policies, no decisions.
"""

from __future__ import annotations
