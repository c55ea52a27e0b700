"""Do the tests of the decision notice a changed rule? Each mutant has one small change."""

from __future__ import annotations
