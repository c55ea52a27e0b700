"""TLS over bytes in memory, so that the socket beneath stays the prober's own.

The certificate is verified by the system's authorities and must be valid for the
host of the URL. No sockets in here.
"""

from __future__ import annotations

import ssl


class TlsError(Exception):
    """The TLS connection can't be used; the message says why in words."""


def system_context() -> ssl.SSLContext:
    """Verifies by the system's authorities (or SSL_CERT_FILE); reads them from disk, ~50 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsChannel:
    """The client's side of one TLS connection."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._host = host
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.established = False

    def feed(self, data: bytes) -> None:
        """Take in what arrived; b"" when the other side has closed."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def shake_hands(self) -> bool:
        """Go on with the handshake; True when it is complete. Raises ``TlsError``."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise TlsError(_in_words(error, self._host)) from error
        self.established = True
        return True

    def encrypt(self, data: bytes) -> None:
        """Make ``data`` part of what ``outgoing`` returns next."""
        self._tls.write(data)

    def outgoing(self) -> bytes:
        """What has to be sent now."""
        return self._outgoing.read()

    def decrypt(self) -> tuple[bytes, bool]:
        """What can be read now, and whether the other side has closed. Raises ``TlsError``.

        A close without TLS's own farewell counts as a close: HTTP says by itself
        whether an answer is complete.
        """
        data = bytearray()
        try:
            while True:
                piece = self._tls.read(65_536)
                if not piece:
                    return bytes(data), True
                data += piece
        except ssl.SSLWantReadError:
            return bytes(data), False
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return bytes(data), True
        except ssl.SSLError as error:
            raise TlsError(_in_words(error, self._host)) from error


def _in_words(error: ssl.SSLError, host: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate of {host} refused: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLEOFError):
        return f"{host} closed the connection during the TLS handshake"
    reason = (error.reason or str(error)).replace("_", " ").lower()
    return f"TLS with {host} failed: {reason}"
