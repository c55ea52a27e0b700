"""Charts drawn on the server as SVG: no script needed, sharp in print, coloured by CSS classes.

Every chart is bucketed to at most 360 points; nothing is hidden, the extremes stay.
"""

from __future__ import annotations
