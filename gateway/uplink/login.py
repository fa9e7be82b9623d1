"""Knows what a broker is shown of us and what we accept of it: TLS and password; knows no MQTT and no retry.

There is no way from here to a connection without TLS where the site file asks for it.
"""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

from gateway.messages import say
from gateway.ports import LinkDown
from gateway.site.config import MqttUplink, Tls


def password(uplink: MqttUplink) -> str | None:
    """Read anew for each connection, and kept nowhere. LinkDown: there is none although the site file names a place."""
    return secret(uplink.password_file, uplink.password_env)


def secret(file: str | None, variable: str | None) -> str | None:
    """What stands in a file or an environment variable. LinkDown: nothing, although one of them is named."""
    try:
        if file is not None:
            return Path(file).read_text("utf-8").strip()
        if variable is not None:
            return os.environ[variable]
    except KeyError as error:
        raise LinkDown(say("uplink.no_password", reason=error.args[0]), is_refusal=True) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise LinkDown(say("uplink.no_password", reason=reason), is_refusal=True) from None
    return None


def context(tls: Tls, note: Callable[[OSError], None]) -> ssl.SSLContext:
    """For one connection; `note` is told of what TLS does not like, which MQTT clients keep to themselves. LinkDown:
    the files can't be used."""

    class Socket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            try:
                super().do_handshake(block)
            except OSError as error:
                note(error)
                self.close()  # paho forgets it
                raise

        def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
            try:
                return super().recv(buflen, flags)
            except ssl.SSLError as error:
                if not isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
                    note(error)  # in TLS 1.3 a server refuses our certificate only after the handshake
                raise

    try:
        made = ssl.create_default_context(cafile=tls.ca)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.cert is not None:
            made.load_cert_chain(tls.cert, tls.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise LinkDown(say("uplink.files", reason=getattr(error, "strerror", None) or error), is_refusal=True) from None
    made.sslsocket_class = Socket
    return made


def _no_password() -> str:
    """OpenSSL would ask on the terminal, where nobody sits."""
    raise ValueError("the private key is encrypted")


def refusal(broker: str, error: OSError) -> LinkDown:
    """What is to be done about it, in words. A line that breaks in the middle of it may just be a bad line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return LinkDown(say("uplink.certificate", broker=broker, reason=error.verify_message), is_refusal=True)
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    return LinkDown(say("uplink.tls", broker=broker, reason=reason), is_refusal=isinstance(error, ssl.SSLError))
