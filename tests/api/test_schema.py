"""The committed OpenAPI document is the one that the code gives, without a warning."""

from __future__ import annotations

from pathlib import Path

import yaml
from django.core.management import call_command

from failover.models import OrderKind

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
REMEDY = "run: manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml"


def test_the_document_is_valid_and_up_to_date(tmp_path):
    generated = tmp_path / "openapi.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(generated))
    assert generated.read_text("utf-8") == DOCUMENT.read_text("utf-8"), REMEDY


def test_every_operation_demands_credentials_and_documents_its_problems():
    document = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    operations = {
        (address, method): operation
        for address, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    orders = {f"/api/v1/policies/{{id}}/{kind}/" for kind in OrderKind.values}
    posts = {"/api/v1/paths/{id}/probe/", "/api/v1/policies/{id}/replay/", *orders}
    assert {key for key in operations if key[1] != "get"} == {(one, "post") for one in posts}
    assert len(operations) == 27
    for operation in operations.values():
        assert operation["security"] == [{"token": []}, {"session": []}]
        for status in ("400", "401", "403", "404"):
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"]
