"""Stand-ins for the boxes of the recipes: they answer as the vendors' documents say.

They show that the scripts do what the recipes say with such answers; not that a box answers so.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

RECIPES = Path(__file__).parents[3] / "docs" / "recipes"


def blocks(recipe: str, language: str) -> list[str]:
    """The blocks of that language in a recipe."""
    text = (RECIPES / f"{recipe}.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


class Box:
    """Answers requests by ``answer(method, path, body)``; None is 404."""

    asked: list[tuple[str, str]]

    def __init__(self) -> None:
        self.asked = []

    def answer(self, method: str, path: str, body: Any) -> Any:
        raise NotImplementedError

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address at which it listens."""
        box = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"null")
                path = urlsplit(self.path).path
                box.asked.append((self.command, path))
                found = box.answer(self.command, path, body)
                self.send_response(200 if found is not None else 404)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def do_GET(self) -> None:
                self.respond()

            def do_POST(self) -> None:
                self.respond()

            def do_PATCH(self) -> None:
                self.respond()

            def log_message(self, *args: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)


class RouterOs(Box):
    """Default routes with distances; the lowest is active. All values are strings."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = ""
        self.routes = [
            self._route("*1", "pathwarden fibre", "10"),
            self._route("*2", "pathwarden lte", "20"),
            self._route("*3", "somebody else's", "30"),
            {**self._route("*4", "pathwarden office", "1"), "dst-address": "10.0.0.0/8"},
        ]

    def _route(self, key: str, comment: str, distance: str) -> dict[str, str]:
        return {".id": key, "comment": comment, "dst-address": "0.0.0.0/0", "distance": distance}

    def answer(self, method: str, path: str, body: Any) -> Any:
        if (method, path) == ("GET", "/rest/ip/route"):
            best = min(self._defaults(), key=lambda one: int(one["distance"]))
            return [{**one, **({"active": "true"} if one is best else {})} for one in self.routes]
        key = path.removeprefix("/rest/ip/route/")
        route = next((one for one in self.routes if one[".id"] == key), None)
        if method != "PATCH" or route is None or key == self.refuses:
            return None
        route.update(body)
        return route

    def _defaults(self) -> list[dict[str, str]]:
        return [one for one in self.routes if one["dst-address"] == "0.0.0.0/0"]

    def distances(self) -> dict[str, str]:
        return {one["comment"]: one["distance"] for one in self.routes}


class OpnSense(Box):
    """Gateways with priorities; what is the default one changes when reconfigured."""

    def __init__(self) -> None:
        super().__init__()
        self.default = "WAN_GW"
        self.uuids = {
            "WAN_GW": "6f8a4f0e-0000-4000-8000-000000000001",
            "LTE_GW": "6f8a4f0e-0000-4000-8000-000000000002",
        }
        self.priorities = {"WAN_GW": 10, "LTE_GW": 200}

    def answer(self, method: str, path: str, body: Any) -> Any:
        command, _, uuid = path.removeprefix("/api/routing/settings/").partition("/")
        if (method, command) == ("GET", "search_gateway"):
            return {"rows": [self._row(name) for name in self.uuids]}
        if (method, command) == ("POST", "reconfigure"):
            self.default = min(self.priorities, key=lambda name: self.priorities[name])
            return {"status": "ok"}
        name = next((one for one, known in self.uuids.items() if known == uuid), "")
        if (method, command) != ("POST", "set_gateway") or not name:
            return None
        self.priorities[name] = int(body["gateway_item"]["priority"])
        return {"result": "saved"}

    def _row(self, name: str) -> dict[str, Any]:
        return {"name": name, "uuid": self.uuids[name], "defaultgw": name == self.default}
