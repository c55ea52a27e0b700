from __future__ import annotations


class FailoverController:
    def __init__(self, context: object) -> None: ...
