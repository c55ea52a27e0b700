"""Certificates for the tests, made by openssl: an authority, and servers it vouches for or not."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple


class Pair(NamedTuple):
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


def make_authority(folder: Path) -> Pair:
    """A self-signed authority."""
    pair = Pair(folder / "ca.pem", folder / "ca.key")
    _openssl("req", "-x509", *_new_key(pair.key), "-subj", "/CN=Test authority", "-days", "2",
             "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign", "-out", pair.certificate)  # fmt: skip
    return pair


def make_server(folder: Path, authority: Pair, name: str, names: str, days: int = 2) -> Pair:
    """A server's certificate for ``names`` (subjectAltName); ``days`` may be past."""
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={names}\n")
    _openssl("req", *_new_key(pair.key), "-subj", f"/CN={name}", "-out", request)
    _openssl("x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key,
             "-CAcreateserial", "-days", str(days), "-extfile", extensions,
             "-out", pair.certificate)  # fmt: skip
    return pair


def trusting(authority: Pair) -> ssl.SSLContext:
    """Verifies as the product does, by this authority alone."""
    return ssl.create_default_context(cafile=str(authority.certificate))


def serving(pair: Pair, *, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A server's side with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if newest is not None:
        context.maximum_version = newest
    return context


def _new_key(path: Path) -> tuple[object, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path)


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)
