"""``make screenshots``: every page of a running product with its demo, as people see it.

Pictures go to ``var/screenshots``. With ``--failover`` it waits for the demo's first failover
and also renews the two pictures of the documents (``docs/images``). Real pages of a real
product: nothing may be painted in, and no page may be shown that the product does not serve.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.functional.processes.product import ROOT, Product, wait_until

PICTURES = ROOT / "var" / "screenshots"
IMAGES = ROOT / "docs" / "images"
MAX_IMAGE_BYTES = 200_000
FAILOVER_WITHIN_SECS = 240.0
HISTORY_SECS = 20.0
"""So much is measured before the first picture is taken."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = {
    "overview": "/",
    "paths": "/paths/",
    "path": "/paths/1/",
    "policies": "/policies/",
    "policy": "/policies/1/",
    "events": "/events/",
    "system": "/system/",
    "account": "/account/",
    "configuration": "/admin/",
    "configuration-paths": "/admin/health/path/",
    "configuration-path": "/admin/health/path/1/change/",
    "configuration-path-delete": "/admin/health/path/1/delete/",
    "configuration-policy": "/admin/failover/failoverpolicy/1/change/",
    "configuration-user": "/admin/sdwan_site/user/1/change/",
    "api-docs": "/api/v1/docs/",
}


@dataclass(frozen=True, slots=True)
class Look:
    """A theme and the size of a window."""

    name: str
    scheme: str
    width: int
    height: int
    whole_page: bool = False


LOOKS = (
    Look("light", "light", 1440, 900),
    Look("dark", "dark", 1440, 900),
    Look("phone", "light", 390, 844, whole_page=True),
    Look("phone-dark", "dark", 390, 844, whole_page=True),
)


def main() -> int:
    """Start, wait, take the pictures, stop; returns 2 when there is no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium found; install one: apt-get install chromium")
        return 2
    failover = "--failover" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        product = Product(Path(directory))
        product.start()
        try:
            _wait(product, until_failover=failover)
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            for look in LOOKS:
                _pictures(browser, product, look)
            if failover:
                _documents(browser, product)
            browser.close()
        finally:
            product.stop()
    print(f"pictures are in {PICTURES.relative_to(ROOT)}")
    return 0


def _wait(product: Product, *, until_failover: bool) -> None:
    wait_until(lambda: product.answers("readyz"), "a start", 180, log=product.log)
    wait_until(lambda: product.measured_after(0), "measurements", 60, log=product.log)
    if until_failover:
        wait_until(lambda: _on_backup(product), "a failover", FAILOVER_WITHIN_SECS, log=product.log)
    time.sleep(HISTORY_SECS)


def _on_backup(product: Product) -> bool:
    completed = [event for event in product.events() if event["type"] == "completed"]
    return bool(completed) and completed[-1]["direction"] == "failover"


def _pictures(browser: Browser, product: Product, look: Look) -> None:
    page = _open(browser, product, look)
    for name, address in PAGES.items():
        _goto(page, product, address)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}-{look.name}.png", full_page=look.whole_page)
        print(f"{name}-{look.name}")
    page.context.close()


def _documents(browser: Browser, product: Product) -> None:
    """The overview for README and documents, small enough to be kept in the repository."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for look in LOOKS[:2]:
        page = _open(browser, product, look)
        wait_until(lambda: _on_backup(product), "traffic on a backup", FAILOVER_WITHIN_SECS)
        _goto(page, product, "/")
        image = IMAGES / f"overview-{look.name}.png"
        page.screenshot(path=image)
        page.context.close()
        size = image.stat().st_size
        if size > MAX_IMAGE_BYTES:
            raise SystemExit(f"{image.name} has {size} bytes; at most {MAX_IMAGE_BYTES} are kept")


def _open(browser: Browser, product: Product, look: Look) -> Page:
    """A page of the administrator; the first picture of each look is the login."""
    context = browser.new_context(
        color_scheme="dark" if look.scheme == "dark" else "light",
        viewport={"width": look.width, "height": look.height},
    )
    page = context.new_page()
    _goto(page, product, "/")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"login-{look.name}.png")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", product.environment["PATHWARDEN_ADMIN_PASSWORD"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#engine-box", state="attached")
    return page


def _goto(page: Page, product: Product, address: str) -> None:
    page.goto(f"http://127.0.0.1:{product.port}{address}", wait_until="load")
    page.wait_for_timeout(500)  # fragments that load by themselves


if __name__ == "__main__":
    sys.exit(main())
