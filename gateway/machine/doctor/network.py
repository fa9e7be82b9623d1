"""Knows what keeps an uplink from its platform: name, address, TLS; sends nothing, and no password."""

import socket
import ssl
import time
from collections.abc import Iterator
from typing import NamedTuple

from gateway.machine.doctor.complaint import Complaint, look, wrong
from gateway.messages import Phrase
from gateway.site.config import MqttUplink, Site, Tls
from gateway.site.sl651 import Sl651Uplink

_TRY_S = 8.0  # a mobile link takes seconds to wake; ours
_SOON_DAYS = 21  # before a certificate ends; ours
_DAY_S = 86_400


class Way(NamedTuple):
    uplink: str
    host: str
    port: int
    tls: Tls | None


def ways(site: Site) -> Iterator[Way]:
    """The places that an uplink may connect to. One by a serial modem has none."""
    for uplink in site.uplinks:
        if isinstance(uplink, MqttUplink):
            yield from (Way(uplink.id, host, port, uplink.tls) for host, port in uplink.brokers)
        elif isinstance(uplink, Sl651Uplink):
            places = (place for centre in uplink.centres for place in (centre.tcp, centre.backup_tcp))
            split = (place.rpartition(":") for place in places if place is not None)
            yield from (Way(uplink.id, host, int(port), None) for host, _, port in split)
        else:
            yield Way(uplink.id, uplink.host, uplink.port, None)


def complaints(site: Site) -> Iterator[Complaint]:
    for way in ways(site):
        yield from tried(way)


def tried(way: Way, now_s: float | None = None) -> Iterator[Complaint]:
    place = f"{way.host}:{way.port}"
    try:
        socket.getaddrinfo(way.host, way.port, type=socket.SOCK_STREAM)
    except OSError as error:
        seen = Phrase("doctor.no_name", host=way.host, reason=error)
        yield wrong("network", way.uplink, seen, Phrase("doctor.no_name_advice", host=way.host))
        return
    try:
        connection = socket.create_connection((way.host, way.port), _TRY_S)
    except OSError as error:
        is_refused = isinstance(error, ConnectionRefusedError)
        seen = Phrase("doctor.refused" if is_refused else "doctor.no_way", place=place, reason=error)
        advice = Phrase("doctor.refused_advice" if is_refused else "doctor.no_way_advice", place=place)
        yield wrong("network", way.uplink, seen, advice)
        return
    with connection:
        if way.tls is not None:
            yield from _shaken(way, way.tls, place, connection, time.time() if now_s is None else now_s)


def _shaken(way: Way, tls: Tls, place: str, connection: socket.socket, now_s: float) -> Iterator[Complaint]:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key)
    except (OSError, ssl.SSLError) as error:
        yield wrong("network", way.uplink, Phrase("doctor.tls_files", reason=error), Phrase("doctor.tls_files_advice"))
        return
    try:
        with context.wrap_socket(connection, server_hostname=way.host) as secured:
            shown = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        key = _VERIFY.get(error.verify_code, "untrusted_certificate")
        seen = Phrase(f"doctor.{key}", place=place, reason=error.verify_message)
        yield wrong("network", way.uplink, seen, Phrase(f"doctor.{key}_advice"))
        return
    except OSError as error:
        yield wrong(
            "network", way.uplink, Phrase("doctor.no_tls", place=place, reason=error), Phrase("doctor.no_tls_advice")
        )
        return
    until = shown.get("notAfter")
    if isinstance(until, str):
        days = (ssl.cert_time_to_seconds(until) - now_s) / _DAY_S
        if days < _SOON_DAYS:
            seen = Phrase("doctor.expires_soon", place=place, days=int(days))
            yield look("network", way.uplink, seen, Phrase("doctor.expires_soon_advice"))


# X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED, _HOSTNAME_MISMATCH: openssl/x509_vfy.h
_VERIFY = {9: "early_certificate", 10: "expired_certificate", 62: "other_name"}
