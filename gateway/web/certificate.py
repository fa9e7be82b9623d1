"""Knows the certificate of the page's encrypted connections, the site's or one of its own; knows no connection.

Its own is signed by nobody: a browser warns once, and who compares the fingerprint knows that he speaks to the station.
It is one file, key and certificate, so that there is never one without the other.
"""

import hashlib
import re
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from gateway.site.config import Site
from gateway.web.secret_file import keep

# A station's clock may be wrong on its first day, and nobody comes to renew: valid whatever it says. The end is that of
# "no well-defined date" (RFC 5280, 4.1.2.5).
_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def files(site: Site) -> tuple[Path, Path]:
    """(certificate, key); its own stands beside the password, where the page's user may write."""
    own = Path(site.web.password_file).with_name("web.pem")
    certificate = Path(site.web.certificate) if site.web.certificate else own
    return certificate, Path(site.web.key) if site.web.key else certificate


def ready(site: Site, host: str) -> ssl.SSLContext:
    """For a page at that host. OSError (an SSLError is one): the files are none, or can't be made."""
    certificate, key = files(site)
    if site.web.certificate is None and not certificate.exists():
        keep(certificate, made(site.station.id, _names(host)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # TLS 1.2 or newer
    context.load_cert_chain(certificate, key)
    return context


def fingerprint(site: Site) -> str:
    """SHA-256 of the certificate as browsers show it."""
    found = _BLOCK.search(files(site)[0].read_text("ascii", "replace"))
    if found is None:
        raise ssl.SSLError(f"{files(site)[0]}: no certificate")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).digest().hex(":").upper()


def made(station: str, names: Iterable[str]) -> bytes:
    """A key and a certificate of it for that station under those names and addresses, as PEM."""
    from cryptography import x509  # some MB, for the first start alone
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())  # what every phone knows
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"watertower {station}"[:64])])
    places = [
        x509.IPAddress(ip_address(one)) if _is_address(one) else x509.DNSName(one) for one in dict.fromkeys(names)
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)


def _names(host: str) -> Iterable[str]:
    """Under which people may come: this machine's name, in its own network too (RFC 6762, 3), and where it listens."""
    own = socket.gethostname().partition(".")[0].encode("ascii", "ignore").decode()
    yield from (own, f"{own}.local") if own else ()
    yield "localhost"
    if not _is_address(host) or not ip_address(host).is_unspecified:
        yield host


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
