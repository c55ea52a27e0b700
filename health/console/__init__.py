"""The pages about paths: what people see of ``health``. No rule and no write may enter."""

from __future__ import annotations
