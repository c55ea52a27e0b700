"""A program that calls the API, by session or by token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from health.models import Site
from sdwan_site.models import ApiToken, User

Ask = Callable[..., Any]


@pytest.fixture
def ask(viewer_client: Client) -> Ask:
    """``ask("paths/", site=1)``: the parsed answer of a viewer, which must be 200."""

    def get(route: str, **parameters: object) -> Any:
        answer = viewer_client.get(f"/api/v1/{route}", parameters)
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"] == "application/json"
        return answer.json()

    return get


@pytest.fixture
def refused(viewer_client: Client) -> Ask:
    """``refused("paths/", site="x")``: the errors by field of an answer that must be 400."""

    def get(route: str, **parameters: object) -> Any:
        answer = viewer_client.get(f"/api/v1/{route}", parameters)
        assert answer.status_code == 400, answer.content
        assert answer["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert problem["title"] == "Bad Request"
        return {field: " ".join(texts) for field, texts in problem["errors"].items()}

    return get


@pytest.fixture
def program() -> Callable[..., Client]:
    """``program(user, scope="read", site=None)``: a client with a token of that user."""

    def make(
        user: User, *, scope: str = "read", site: Site | None = None, days: float = 1
    ) -> Client:
        _, token = ApiToken.objects.create(
            user=user, expiry=timedelta(days=days), name="test", scope=scope, site=site
        )
        return Client(headers={"authorization": f"Token {token}"})

    return make
