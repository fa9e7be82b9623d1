"""Knows the page's addresses and who may use each; knows no socket, no store and no words.

What reads is open to everybody in reach; what changes is a POST, and guard.py asks it for a login.
"""

import asyncio
import hashlib
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from gateway.control.call import NoGateway
from gateway.export import Wish
from gateway.ports import Clock
from gateway.site.config import Site
from gateway.store import StoreError
from gateway.web import download, findings, guard, order, station
from gateway.web.guesses import Guesses
from gateway.web.history import History
from gateway.web.password import PasswordFile
from gateway.web.pulse import Pulse
from gateway.web.sessions import LASTS_MS, Session, Sessions
from gateway.web.visitors import network
from gateway.web.words import chosen, filled, flags, words

log = logging.getLogger(__name__)
_PAGE = Path(__file__).with_name("page")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_MOST_STREAMS, _MOST_STREAMS_OF_ONE = 24, 12  # ours
_QUIET_S = 20.0  # a stream says something at least so often, so that both ends see when the other is gone
_SLOW_S = 10.0
_FRESH_S = 30.0  # how old a plot may be
_LONGEST_MS = 370 * 86_400_000  # a year at once; ours
_SHELF_H = (1, 4, 8, 24)  # alarms.py shelves for a day at most
_WORK_MIN = (30, 60, 120, 240, 480)


class Server:
    """`app` answers; `pulse` and `history` are what it shows. `is_here`: only this machine reaches it; `slow_s`: for a
    visitor to take what a stream says."""

    def __init__(self, site: Site, clock: Clock, is_here: bool = True, slow_s: float = _SLOW_S) -> None:
        self._is_here = is_here
        self._slow_s = slow_s
        self._site = site
        self._clock = clock
        self._socket = Path(site.control.socket)
        self.pulse = Pulse(self._socket)
        store = Path(site.store.path)
        self.history = History(store)
        self._read_ms: int | None = None
        self._reading = asyncio.Lock()
        self._password = PasswordFile(Path(site.web.password_file))
        self._guesses = Guesses()
        self._guessing = asyncio.Lock()
        self._sessions = Sessions()
        self._streams: Counter[str] = Counter()  # by address
        self._downloads = 0
        self._template = (_PAGE / "page.html").read_text("utf-8")
        self._files = {path.name: path.read_bytes() for path in _PAGE.iterdir() if path.suffix in _TYPES}
        self.app = web.Application(
            middlewares=[guard.guarded(self._session, self._is_private)], client_max_size=guard.LARGEST_BYTES
        )
        self.app.on_response_prepare.append(guard.headers)
        self.app.add_routes(
            [
                web.get("/", self._show),
                web.get("/files/{name}", self._file),
                web.get("/live", self._live),
                web.get("/history", self._history),
                web.get("/events", self._events),
                web.get("/findings", self._findings),
                web.get("/download", self._download),
                web.get("/session", self._tell_session),
                web.post("/login", self._login),
                web.post("/logout", self._logout),
                *(web.post(f"/{name}", self._order) for name in order.ORDERS),
            ]
        )

    @property
    def streams(self) -> int:
        """How many look on."""
        return self._streams.total()

    # --- what reads ---------------------------------------------------------------------------------------------------

    async def _show(self, request: web.Request) -> web.Response:
        lang = chosen(request.query.get("lang"), request.headers.get("Accept-Language", ""))
        plan = station.plan(self._site, lang)
        tag = "zh-CN" if lang == "zh" else "en"
        data: dict[str, Any] = {"lang": tag, "words": words(self._site, lang), "plan": plan, "flags": flags()}
        data |= {"shelf_h": _SHELF_H, "work_min": _WORK_MIN}
        values = {"lang": tag, "station": plan["name"], "other": "en" if lang == "zh" else "zh"}
        page = filled(self._template, lang, values)
        # "<" would end the block that it stands in
        page = page.replace("<!--data-->", json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"))
        return web.Response(text=page, content_type="text/html", headers={"Content-Language": tag})

    async def _file(self, request: web.Request) -> web.Response:
        """From memory, by its name: an address never becomes a path."""
        name = request.match_info["name"]
        content = self._files.get(name)
        if content is None:
            raise web.HTTPNotFound
        tag = hashlib.sha256(content).hexdigest()[:16]
        known = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
        if any(one.value == tag for one in request.if_none_match or ()):
            return web.Response(status=304, headers=known)
        return web.Response(body=content, content_type=_TYPES[Path(name).suffix], charset="utf-8", headers=known)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events (WHATWG HTML, 9.2): who is slow gets the newest state, never a queue of old ones."""
        who = network(request.remote or "")
        if self.streams >= _MOST_STREAMS or self._streams[who] >= _MOST_STREAMS_OF_ONE:
            raise web.HTTPServiceUnavailable(text="too many", headers={"Retry-After": "30"})
        self._streams[who] += 1
        try:
            answer = web.StreamResponse(headers={"X-Accel-Buffering": "no"})
            answer.content_type = "text/event-stream"
            await answer.prepare(request)
            while True:
                seen = self.pulse.beats
                async with asyncio.timeout(self._slow_s):
                    await answer.write(b"data: " + await self._now() + b"\n\n")
                await self.pulse.after(seen, _QUIET_S)
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
            return answer
        finally:
            self._streams -= Counter({who: 1})

    async def _now(self) -> bytes:
        if self.pulse.status is None:
            await self._catch_up()
        found = station.now(self._site, self.pulse.status, self.pulse.reason, self.history, self._clock.unix_ms())
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()

    async def _catch_up(self) -> None:
        """The store is read for all who ask at once, and not again soon."""
        async with self._reading:
            now_ms = self._clock.monotonic_ms()
            if self._read_ms is None or now_ms - self._read_ms > 1000 * _FRESH_S:
                await asyncio.to_thread(self.history.catch_up, self._gateway_ms())
                self._read_ms = self._clock.monotonic_ms()

    def _gateway_ms(self) -> int:
        return self._clock.unix_ms() if self.pulse.status is None else self.pulse.status.unix_ms

    async def _history(self, request: web.Request) -> web.Response:
        await self._catch_up()
        async with self._reading:
            plain = await asyncio.to_thread(self.history.plain, self._gateway_ms())
        return web.Response(body=plain, content_type="application/json", charset="utf-8")

    async def _findings(self, request: web.Request) -> web.Response:
        lang = chosen(request.query.get("lang"), request.headers.get("Accept-Language", ""))
        async with self._reading:
            found = await asyncio.to_thread(findings.newest, self._site)
        return web.json_response([findings.told(one, self._site, lang) for one in found])

    async def _events(self, request: web.Request) -> web.Response:
        before = request.query.get("before", "")
        if before and not (before.isascii() and before.isdecimal() and len(before) < 16):
            raise web.HTTPBadRequest(text="before")
        return web.json_response(await asyncio.to_thread(self.history.events, int(before) if before else None))

    async def _download(self, request: web.Request) -> web.StreamResponse:
        times = [request.query.get(name, "") for name in ("from_ms", "to_ms")]
        if not all(text.isascii() and text.isdecimal() and len(text) < 16 for text in times):
            raise web.HTTPBadRequest(text="from_ms, to_ms")
        from_ms, to_ms = map(int, times)
        channels = request.query.getall("channel", [])
        known = {channel.name for channel in self._site.channels}
        if not from_ms < to_ms <= from_ms + _LONGEST_MS or not known.issuperset(channels):
            raise web.HTTPBadRequest(text="from_ms < to_ms, a year at most; channels of this station")
        if self._downloads >= download.MOST:
            raise web.HTTPServiceUnavailable(text="busy", headers={"Retry-After": "30"})
        self._downloads += 1
        try:
            wish = Wish(from_ms, to_ms, channels)
            return await download.send(request, Path(self._site.store.path), wish, f"{self._site.station.id}.csv")
        except StoreError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        finally:
            self._downloads -= 1

    # --- who is there -------------------------------------------------------------------------------------------------

    def _is_private(self, request: web.Request) -> bool:
        """Whether nobody on the way can read along."""
        return request.secure or self._is_here

    def _session(self, request: web.Request) -> Session | None:
        token = request.cookies.get(guard.cookie(request)) if self._is_private(request) else None
        return self._sessions.find(token, self._password.hash(), self._clock.monotonic_ms()) if token else None

    async def _tell_session(self, request: web.Request) -> web.Response:
        """The token is for scripts of this page: another site's can't read the answer."""
        session = self._session(request)
        has_password = self._password.hash() is not None
        known = {"token": session and session.csrf, "has_password": has_password}
        return web.json_response(known | {"is_private": self._is_private(request)})

    async def _login(self, request: web.Request) -> web.Response:
        password = (await guard.body(request)).get("password")
        if not isinstance(password, str):
            raise web.HTTPBadRequest(text="password")
        who = network(request.remote or "")
        async with self._guessing:
            wait_ms = self._guesses.wait_ms(who, self._clock.monotonic_ms())
            if wait_ms:
                wait = {"wait_s": -(-wait_ms // 1000)}
                raise web.HTTPTooManyRequests(text=json.dumps(wait), content_type="application/json")
            known = self._password.hash()
            if known is None or not await asyncio.to_thread(self._password.fits, password):
                self._guesses.wrong(who, self._clock.monotonic_ms())
                log.warning("a wrong password from %s", who)
                raise web.HTTPForbidden(text="password")
            self._guesses.right(who)
        session = self._sessions.begin(known, self._clock.monotonic_ms())
        answer = web.json_response({"token": session.csrf})
        lasts_s, name = LASTS_MS // 1000, guard.cookie(request)
        answer.set_cookie(name, session.token, max_age=lasts_s, httponly=True, samesite="Strict", secure=request.secure)
        return answer

    async def _logout(self, request: web.Request) -> web.Response:
        self._sessions.end(request.cookies[guard.cookie(request)])
        answer = web.json_response({})
        answer.del_cookie(guard.cookie(request), httponly=True, samesite="Strict", secure=request.secure)
        return answer

    # --- what changes -------------------------------------------------------------------------------------------------

    async def _order(self, request: web.Request) -> web.Response:
        """409: the gateway says why not; 503: there is none."""
        command = request.path.removeprefix("/")
        try:
            argument = order.argument(command, await guard.body(request))
        except msgspec.ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        try:
            done = await order.told(self._socket, command, argument)
        except NoGateway as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None
        log.info("%s %s for %s: %s", command, argument, network(request.remote or ""), done.answer.get("result"))
        self.pulse.tell(done.status)
        return web.json_response(done.answer, status=200 if done.answer.get("result") == "done" else 409)
