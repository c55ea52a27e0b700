"""resolv.conf and hosts are read as the C library reads them, and again when they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from health.engine.resolver_files import (
    NameServer,
    ResolverFiles,
    ResolverFilesReader,
    read_hosts,
    read_resolv_conf,
)


@pytest.fixture
def files(tmp_path: Path) -> ResolverFilesReader:
    return ResolverFilesReader(
        tmp_path / "resolv.conf", tmp_path / "hosts", tmp_path / "upstream.conf"
    )


def test_servers_and_search_list_are_read_and_comments_are_not() -> None:
    servers, search = read_resolv_conf(
        "# nameserver 192.0.2.9\ndomain old.example\nnameserver 192.0.2.1 ; the first\n"
        "nameserver fe80::1%eth0\nnameserver nonsense\nnameserver\nsearch a.example. b.example\n"
        "nameserver 192.0.2.3\nnameserver 192.0.2.4\n"
    )
    assert [s.address for s in servers] == ["192.0.2.1", "fe80::1%eth0", "192.0.2.3"]
    assert search == ("a.example", "b.example")


def test_a_host_has_all_its_addresses_under_all_its_names() -> None:
    hosts = ResolverFiles(
        hosts=read_hosts("192.0.2.1 Router.example router # ours\n\n2001:db8::1 router\nbad x\n")
    )
    assert hosts.in_hosts("ROUTER") == ("192.0.2.1", "2001:db8::1")
    assert hosts.in_hosts("router.example.") == ("192.0.2.1",)
    assert hosts.in_hosts("x") == ()


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("box", ("box.a.example.", "box.b.example.", "box.")),
        ("www.example", ("www.example.",)),
        ("box.", ("box.",)),
    ],
)
def test_only_a_name_without_a_dot_gets_the_endings_of_the_search_list(
    name: str, asked: tuple[str, ...]
) -> None:
    assert ResolverFiles(search=("a.example", "b.example")).full_names(name) == asked


def test_files_that_change_are_read_again(files: ResolverFilesReader, tmp_path: Path) -> None:
    assert files() == ResolverFiles()
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    (tmp_path / "hosts").write_text("192.0.2.7 box\n")
    assert files() == ResolverFiles((NameServer("192.0.2.1"),), (), {"box": ("192.0.2.7",)})
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.254\n")
    (tmp_path / "hosts").unlink()
    assert files() == ResolverFiles((NameServer("192.0.2.254"),))


def test_behind_a_stub_on_this_host_are_the_servers_it_asks(
    files: ResolverFilesReader, tmp_path: Path
) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\nsearch a.example\n")
    assert files().servers == (NameServer("127.0.0.53"),)
    (tmp_path / "upstream.conf").write_text("nameserver 192.0.2.1\n")
    assert files().servers == (NameServer("192.0.2.1"),)
    assert files().search == ("a.example",)
