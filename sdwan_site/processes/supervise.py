"""The program that ``manage.py up`` becomes: it supervises the product's processes.

Run by file name with the descriptor of a plan (``run_plan.become_supervisor``). It lives
as long as the product, so it imports the standard library and its neighbours only.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Take the plan, start, announce, supervise until SIGINT or SIGTERM."""
    # This folder came first on the path because the program is run by its file name.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    import signal

    from sdwan_site.processes.announcement import Announcement
    from sdwan_site.processes.plain_logs import configure_logging
    from sdwan_site.processes.run_plan import take_plan
    from sdwan_site.processes.supervisor import Supervisor

    plan = take_plan(int(sys.argv[1]))
    configure_logging(plan.log_format)
    supervisor = Supervisor(plan.children)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())
    announcement = Announcement(plan.host, plan.port, plan.announcement)
    supervisor.run(each_turn=announcement.when_ready)
    sys.stdout.write("pathwarden: everything has stopped\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
