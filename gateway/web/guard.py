"""Knows what a request must bring before it may change anything, and what each answer tells a browser; knows no page.

Each POST is guarded, whoever adds one: where nobody reads along only, JSON only, from this page only, logged in but for
OPEN, with the session's token. No answer asks for https ever after (HSTS): a browser then lets nobody past a
certificate that it does not know.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from gateway.web.sessions import Session

COOKIE = "watertower"
TOKEN = "X-Watertower-Token"
OPEN = ("/login",)  # who logs in has no session yet
LARGEST_BYTES = 4096
_BODY_S = 10.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Find = Callable[[web.Request], Session | None]


async def headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of aiohttp: each answer, errors too."""
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def cookie(request: web.Request) -> str:
    """The name of the session's: no page without encryption can set one that begins so (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{COOKIE}" if request.secure else COOKIE


def guarded(find: Find, is_private: Callable[[web.Request], bool]) -> Any:
    """The middleware; `find` tells a request's session, `is_private` whether nobody can read along."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST":
            if not is_private(request):
                raise web.HTTPForbidden(text="https")
            _from_here(request)
            if request.path not in OPEN:
                session = find(request)
                if session is None:
                    raise web.HTTPUnauthorized(text="log in")
                if not hmac.compare_digest(
                    request.headers.get(TOKEN, "").encode("utf-8", "replace"), session.csrf.encode()
                ):
                    raise web.HTTPForbidden(text="token")
        elif request.method not in ("GET", "HEAD"):
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "HEAD", "POST"])
        return await handler(request)

    return guard


def _from_here(request: web.Request) -> None:
    """Another site's page can't send JSON without asking first, and a browser says where a request comes from
    (OWASP, Cross-Site Request Forgery Prevention Cheat Sheet)."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="application/json")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin)[:2] != (request.scheme, request.host):
        raise web.HTTPForbidden(text="origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise web.HTTPForbidden(text="origin")


async def body(request: web.Request) -> dict[str, Any]:
    """What was sent; too large, too slow or no object of JSON is answered so."""
    try:
        async with asyncio.timeout(_BODY_S):
            found = json.loads(await request.read())
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="slow") from None
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="JSON") from None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text="JSON")
    return found
