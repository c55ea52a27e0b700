"""URLs are taken apart as browsers do, and refused with the cure where they can't be fetched."""

from __future__ import annotations

import pytest

from health.probers.http_request import HttpUrl, UrlError, parse_url, url_of


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("http://example.com", HttpUrl(False, "example.com", 80, "example.com", "/")),
        ("HTTPS://Example.com/a", HttpUrl(True, "example.com", 443, "example.com", "/a")),
        ("https://x:8443/?q=1", HttpUrl(True, "x", 8443, "x:8443", "/?q=1")),
        ("http://x:80/", HttpUrl(False, "x", 80, "x", "/")),
        ("https://x:80/", HttpUrl(True, "x", 80, "x:80", "/")),
        ("http://[2001:DB8::1]:81/", HttpUrl(False, "2001:db8::1", 81, "[2001:db8::1]:81", "/")),
        ("http://192.0.2.1/%20", HttpUrl(False, "192.0.2.1", 80, "192.0.2.1", "/%20")),
        ("https://example.com./", HttpUrl(True, "example.com", 443, "example.com", "/")),
    ],
)
def test_a_url_says_scheme_host_port_and_resource(url: str, parsed: HttpUrl) -> None:
    assert parse_url(url) == parsed


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("example.com", "write one such as https://"),
        ("ftp://example.com/", "write one such as https://"),
        ("http:///path", "write one such as https://"),
        ("http://user:secret@example.com/", "leave them out"),
        ("http://example.com/#top", "never sent to a server"),
        ("http://example.com/ü", "must be written as %XX"),
        ("http://example.com/a b", "must be written as %XX"),
        ("http://example.com/\r\nX: y", "must be written as %XX"),
        ("http://example.com:0/", "Port 0"),
        ("http://example.com:70000/", "is not a URL"),
        ("http://example.com:x/", "is not a URL"),
        ("http://[::g]/", "is not"),
        ("http://[v1.x]/", "is not"),
        ("http://a..b/", "is not a host name"),
        ("http://-a.example/", "is not a host name"),
        (f"http://{'x' * 64}.example/", "is not a host name"),
    ],
)
def test_what_cannot_be_fetched_is_refused_with_the_cure(url: str, words: str) -> None:
    with pytest.raises(UrlError, match=words):
        parse_url(url)


def test_without_a_url_the_root_of_the_address_is_fetched() -> None:
    assert url_of("192.0.2.1", 80) == HttpUrl(False, "192.0.2.1", 80, "192.0.2.1", "/")
    assert url_of("fe80::1%eth0", 81) == HttpUrl(False, "fe80::1", 81, "[fe80::1]:81", "/")
