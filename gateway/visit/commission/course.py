"""Knows the order of a commissioning, and what is left out when somebody can't be asked; knows no step's own matter."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from gateway.messages import Phrase
from gateway.site.config import Sensor
from gateway.states import Status
from gateway.visit.asking import Answer
from gateway.visit.commission import buffer, bus, clock, delivery, link, power_cut, readings, supply
from gateway.visit.commission.bus import Device
from gateway.visit.commission.finding import STEPS, Finding, skipped
from gateway.visit.commission.plausible import NEEDED
from gateway.visit.commission.power_cut import Before, Note
from gateway.visit.commission.visit import Visit
from gateway.visit.recognition import Question

_DENSE_S = 3600  # a node measures densely so long while it is looked at, if its slice has an emergency period; ours

_ASKING = ("bus", "readings")  # a port of the technician's own will do for these


def _unnoted(before: Before) -> None:
    pass


class Course:
    """Goes through the steps: run(), then cut(). What was found so far is in `findings`; `devices` are the sensors as
    they were met; `note` writes down what must outlive the cut."""

    def __init__(self, visit: Visit, left_out: Collection[str] = (), note: Note = _unnoted) -> None:
        self._visit = visit
        self._left_out = left_out
        self._note = note
        self.findings: list[Finding] = []
        self.devices: list[Device] = []

    async def run(self) -> None:
        """All steps but the last one."""
        visit = self._visit
        status = await visit.gateway.status()
        if status is not None:
            visit.first_seq = visit.record.last_seq()
            visit.since_ms, visit.is_dated = status.unix_ms, status.is_clock_trusted
        try:
            await self._hurry(status)
            for step in STEPS[:-1]:
                await self._step(step, None)
        except BaseException:  # somebody broke it off: a node must not go on measuring densely
            await self._calm()
            raise

    async def cut(self, known: Before | None) -> None:
        """The last step, by what was `known` before the cut if that has ended this command."""
        try:
            await self._step(STEPS[-1], known)
        finally:
            await self._calm()

    async def _step(self, step: str, known: Before | None) -> None:
        visit = self._visit
        if step in self._left_out:
            self._leave_out(step, "left_out")
            return
        status = await visit.gateway.status()
        if status is None and known is not None:
            status = await visit.until(lambda status: status, power_cut.BACK_S)
        visit.person.tell(Phrase("commission.now", step=Phrase(f"commission.step_{step}")))
        if step in _ASKING and (status is not None or visit.direct is not None):
            self.findings += await self._asking(step, status)
        elif status is None:
            self._leave_out(step, "no_gateway")
        elif step == "supply":
            self.findings += await supply.findings(visit, self._ask)
        elif step == "power_cut":
            self.findings += await power_cut.findings(visit, status, known, self._note)
        else:
            self.findings += await _BY_STATUS[step](visit, status)

    def _leave_out(self, step: str, why: str) -> None:
        seen, advice = Phrase(f"commission.{why}"), Phrase(f"commission.{why}_advice")
        self.findings.append(skipped(step, self._visit.target, seen, advice))

    async def _asking(self, step: str, status: Status | None) -> list[Finding]:
        if step == "bus":
            return await self._bus()
        can_ask = self._visit.node is None or self._visit.direct is not None
        return await readings.findings(self._visit, self._ask if can_ask else None, status is not None)

    # --- sensors ------------------------------------------------------------------------------------------------------

    async def _bus(self) -> list[Finding]:
        visit = self._visit
        found: list[Finding] = []
        for name in dict.fromkeys(sensor.bus for sensor in visit.sensors):
            sensors = [sensor for sensor in visit.sensors if sensor.bus == name]
            if visit.node is not None and name not in visit.direct_buses:
                seen = Phrase("commission.node_bus", bus=name)
                found.append(skipped("bus", name, seen, Phrase("commission.node_bus_advice", bus=name)))
                continue
            models = {sensor.profile: visit.site.profile(sensor) for sensor in sensors}
            met = []
            for sensor in sensors:
                mates = [profile for model, profile in models.items() if model != sensor.profile]
                met.append(await bus.meet(sensor, visit.site.profile(sensor), mates, self._ask))
            self.devices += met
            found += bus.findings(met)
        return found

    async def _ask(self, sensor: Sensor, questions: Sequence[Question]) -> Sequence[Answer]:
        visit = self._visit
        if visit.direct is not None and sensor.bus in visit.direct_buses:
            return await visit.direct(sensor, questions)
        if visit.node is not None:
            return [Answer()] * len(questions)
        wanted = [dict(zip(("function", "address", "quantity"), question, strict=True)) for question in questions]
        told = await visit.gateway.command("ask", {"sensor": sensor.id, "questions": wanted})
        answers = told.get("answers", [])
        assert isinstance(answers, list)
        heard = [_answer(one) for one in answers]
        return heard + [Answer()] * (len(questions) - len(heard))

    # --- a node that reports every quarter of an hour -----------------------------------------------------------------

    async def _hurry(self, status: Status | None) -> None:
        """Has a node measure densely for a while, and asks for a report now."""
        node = self._visit.node
        if status is None or node is None:
            return
        if node.emergency_period_s is not None:
            await self._visit.gateway.command("emergency", {"node": node.name, "seconds": _DENSE_S})
        elif (minutes := NEEDED * min(sensor.period_s for sensor in node.sensors) // 60) > 3:
            self._visit.person.tell(Phrase("commission.slow_node", minutes=minutes, seconds=60 * minutes + 600))
        if node.report_s > _DENSE_S // 60:
            self._visit.person.tell(Phrase("commission.press_reset", minutes=node.report_s // 60))

    async def _calm(self) -> None:
        node = self._visit.node
        if node is not None and node.emergency_period_s is not None:
            await self._visit.gateway.command("emergency", {"node": node.name, "seconds": 0})


_BY_STATUS: Mapping[str, Callable[[Visit, Status], Awaitable[list[Finding]]]] = {
    "radio": link.findings,
    "clock": clock.findings,
    "buffer": buffer.findings,
    "uplink": delivery.findings,
}


def _answer(told: Mapping[str, object]) -> Answer:
    words, code = told.get("words"), told.get("code")
    return Answer(
        tuple(words) if isinstance(words, list | tuple) else None,
        code if isinstance(code, int) else None,
        b"?" if told.get("noise") else b"",
    )
