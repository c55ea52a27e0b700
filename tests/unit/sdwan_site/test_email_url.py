"""EMAIL_URL: one mail server, and readable refusals."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from sdwan_site.email_url import email_from_url


def test_without_a_url_there_is_no_server() -> None:
    assert email_from_url("")["EMAIL_HOST"] == ""


def test_starttls_and_a_password_with_special_characters() -> None:
    read = email_from_url("smtp+tls://noc:p%40ss@mail.example/?from=noc@example.com")

    assert (read["EMAIL_HOST"], read["EMAIL_PORT"]) == ("mail.example", 587)
    assert (read["EMAIL_USE_TLS"], read["EMAIL_USE_SSL"]) == (True, False)
    assert read["EMAIL_HOST_PASSWORD"] == "p@ss"
    assert read["DEFAULT_FROM_EMAIL"] == "noc@example.com"


def test_a_port_of_its_own_is_used() -> None:
    assert email_from_url("smtps://mail.example:4465/?from=a@example.com")["EMAIL_PORT"] == 4465


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mail.example", "the scheme ''"),
        ("imap://mail.example/?from=a@example.com", "the scheme 'imap'"),
        ("smtp:///?from=a@example.com", "the host ''"),
        ("smtp://mail.example/", "from is missing"),
        ("smtp://mail.example/?from=a@example.com&tls=1", "unknown: tls"),
    ],
)
def test_what_is_not_understood_is_named_without_the_password(url, words) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        email_from_url(url)
