"""Knows how simulated sensors stand behind a Modbus TCP server of other people's making (pymodbus); no gateway."""

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hw_sim.bus.sensor import SimSensor
from protocols import modbus
from protocols.errors import DeviceError, RangeError
from protocols.modbus import Request


def _device(sensor: SimSensor) -> SimDevice:
    addresses = sorted(address for register in sensor.profile.registers for address in register.addresses())

    async def act(
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        set_values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if function == modbus.WRITE_ONE and set_values is None:
            return None  # pymodbus reads back what it wrote
        try:
            request = Request(sensor.unit_id, function, address, count, tuple(map(int, set_values or ())))
        except RangeError:
            return ExcCodes.ILLEGAL_FUNCTION
        pdu = sensor.answer(request.pdu())
        if pdu is None:
            return ExcCodes.GATEWAY_NO_RESPONSE
        try:
            words = request.accept(pdu)
        except DeviceError as error:
            return ExcCodes(error.code)
        if words:  # none for a write
            registers[address - start : address - start + count] = words
        return None

    span = SimData(addresses[0], count=addresses[-1] - addresses[0] + 1, datatype=DataType.REGISTERS, values=0)
    return SimDevice(id=sensor.unit_id, simdata=[span], action=act)


async def serve(sensors: list[SimSensor], host: str, port: int) -> ModbusTcpServer:
    """A server that answers for `sensors` until its shutdown()."""
    server = ModbusTcpServer([_device(sensor) for sensor in sensors], address=(host, port))
    await server.serve_forever(background=True)
    return server
