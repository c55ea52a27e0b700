"""Who may scrape, and what they are told who may not."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

ADDRESSES = pytest.mark.parametrize("address", ["/metrics", "/metrics/app"])
ELSEWHERE = "192.0.2.7"


@ADDRESSES
def test_a_scraper_on_this_host_needs_nothing(address):
    assert Client().get(address).status_code == 200


@ADDRESSES
def test_a_scraper_from_elsewhere_is_refused_with_the_cure(address):
    answer = Client(REMOTE_ADDR=ELSEWHERE).get(address)
    assert answer.status_code == 403
    assert "PATHWARDEN_METRICS_ALLOW" in answer.content.decode()


@ADDRESSES
def test_the_token_opens_the_door_from_anywhere(settings, address):
    settings.METRICS_TOKEN = "s3cret"
    client = Client(REMOTE_ADDR=ELSEWHERE)
    assert client.get(address, headers={"authorization": "Bearer s3cret"}).status_code == 200
    for header in ({}, {"authorization": "Bearer wrong"}):
        answer = client.get(address, headers=header)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="metrics"'


def test_an_allowed_network_needs_no_token(settings):
    settings.METRICS_ALLOW = [ip_network("192.0.2.0/24")]
    assert Client(REMOTE_ADDR=ELSEWHERE).get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 403


def test_behind_a_trusted_proxy_the_client_counts_not_the_proxy(settings):
    settings.HTTPS = "proxy"
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
    settings.METRICS_ALLOW = [ip_network("192.0.2.0/24")]
    client = Client(REMOTE_ADDR="127.0.0.1")
    for hops, status in ((ELSEWHERE, 200), ("198.51.100.1", 403), (f"{ELSEWHERE}, 127.0.0.1", 200)):
        answer = client.get("/metrics", headers={"x-forwarded-for": hops})
        assert answer.status_code == status, hops


@pytest.mark.parametrize("https", ["off", "on"])
def test_a_proxy_nobody_declared_makes_no_one_local(settings, https):
    settings.HTTPS = https
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
    answer = Client().get("/metrics", headers={"x-forwarded-for": "127.0.0.1"})
    assert answer.status_code == 403


def test_metrics_are_only_read():
    assert Client().post("/metrics").status_code == 405
    assert Client().head("/metrics").status_code == 200


def test_the_view_of_the_web_process_alone_has_none_of_our_series():
    text = Client().get("/metrics/app").content.decode()
    assert "django_http_requests_total" in text
    assert "pathwarden_" not in text


def test_several_web_processes_are_summed_from_their_files(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    text = Client().get("/metrics").content.decode()
    assert "pathwarden_build_info" in text
    assert "python_info" not in text
