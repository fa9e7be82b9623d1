"""Knows the peers' gateways: how each is had, set up for the bench's load, and read; measures nothing.

ThingsBoard Gateway comes from PyPI into an environment of its own below .cache/peers, which nothing but the bench
uses. Telegraf is no Python package: TELEGRAF names a binary, or it is left out.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from hw_sim.bench.gateway_contender import Absent, Command, Message, Receiver
from hw_sim.bench.gateway_load import Load

_ROOT = Path(__file__).resolve().parents[2]
_VERSION = "3.8.5"
_ALSO = ("pymodbus==3.9.2", "pyserial", "pyserial-asyncio")  # what its Modbus connector installs at its first start
_TIMEOUT_S = 3
_NO_LIMIT = "0:0,"
_SESSION = "v1/devices/me/rpc/"


def telegraf_binary() -> str:
    """Absent: none is given."""
    given = os.environ.get("TELEGRAF", "")
    if not Path(given).is_file():
        raise Absent("telegraf: left out, TELEGRAF names no binary")
    return given


class ThingsBoard:
    """At its best: file storage, which survives a restart; one request for neighbouring registers; short names; no
    limits on sending."""

    name = f"ThingsBoard Gateway {_VERSION}"

    def __init__(self) -> None:
        self._venv = _ROOT / ".cache" / "peers" / f"thingsboard-gateway-{_VERSION}"
        if not (self._venv / "complete").exists():
            self._install()

    def _install(self) -> None:
        python = self._venv / "bin" / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
        try:
            subprocess.run([sys.executable, "-m", "venv", str(self._venv)], check=True, timeout=120)
            subprocess.run([*pip, f"thingsboard-gateway=={_VERSION}", *_ALSO], check=True, timeout=600, stdout=2)
        except (OSError, subprocess.SubprocessError) as error:
            raise Absent(f"{self.name}: left out, can't be installed: {error}") from error
        (self._venv / "complete").touch()

    def prepare(self, folder: Path, load: Load, places: list[int | str], broker_port: int) -> Command:
        for name in ("config", "data", "logs", "extensions"):
            (folder / name).mkdir()
        config = folder / "config"
        limits = ("", "dp", "messages", "deviceMessages", "device", "deviceDp")
        platform = {
            "host": "127.0.0.1", "port": broker_port, "remoteShell": False, "remoteConfiguration": False,
            "latencyDebugMode": False, "statistics": {"enable": False}, "qos": 1,
            "deviceFiltering": {"enable": False, "filterFile": "list.json"},
            "maxPayloadSizeBytes": 8196, "minPackSendDelayMS": 50, "minPackSizeToSend": 500,
            "checkConnectorsConfigurationInSeconds": 60, "handleDeviceRenaming": True,
            "security": {"type": "accessToken", "accessToken": "bench"}, "reportStrategy": {"type": "ON_RECEIVED"},
            "checkingDeviceActivity": {"checkDeviceInactivity": False},
            **{f"{name}RateLimits" if name else "rateLimits": _NO_LIMIT for name in limits},
        }  # fmt: skip
        storage = {
            "type": "file", "data_folder_path": f"{folder}/data/", "max_file_count": 10,
            "max_read_records_count": 10, "max_records_per_file": 10_000,
        }  # fmt: skip
        main = {
            "thingsboard": platform, "storage": storage, "grpc": {"enabled": False},
            "connectors": [{"type": "modbus", "name": "mb", "configuration": "modbus.json"}],
        }  # fmt: skip
        slaves = [_slave(load, device, places[load.line(device)]) for device in range(load.devices)]
        modbus = {"name": "mb", "logLevel": "ERROR", "master": {"slaves": slaves}}
        (found,) = self._venv.glob("lib/python*/site-packages/thingsboard_gateway/config/logs.json")
        logs = json.loads(found.read_text().replace("./logs/", f"{folder}/logs/"))
        for logger in logs.get("loggers", {}).values():
            logger["level"] = "WARNING"
        files = {"tb_gateway": main, "modbus": modbus, "connected_devices": {}, "logs": logs}
        for name, content in files.items():
            (config / f"{name}.json").write_text(json.dumps(content))
        service = "from thingsboard_gateway.gateway.tb_gateway_service import TBGatewayService; "
        start = f"{service}TBGatewayService({str(config / 'tb_gateway.json')!r})"
        environment = {**os.environ, "TB_GW_LOGS_PATH": f"{folder}/logs", "logs": f"{folder}/logs"}
        return Command([str(self._venv / "bin" / "python"), "-c", start], environment, folder)

    def receiver(self, load: Load) -> Receiver:
        return _ThingsBoardReceiver(load)

    def answer(self, topic: str, payload: bytes) -> tuple[str, bytes] | None:
        """It sends nothing before it knows the limits of its session."""
        if not topic.startswith(f"{_SESSION}request/") or msgspec.json.decode(payload)["method"] != "getSessionLimits":
            return None
        none: dict[str, Any] = {"rateLimits": {}, "gatewayRateLimits": {}, "maxInflightMessages": 0}
        reply = msgspec.json.encode({**none, "maxPayloadSize": 65_536})
        return f"{_SESSION}response/{topic.rpartition('/')[2]}", reply


def _slave(load: Load, device: int, place: int | str) -> dict[str, Any]:
    block = {
        "tag": "t${address}", "type": "32uint", "address": f"0-{2 * load.values - 1}",
        "objectsCount": 2, "functionCode": 3, "maxRegistersPerRequest": 120,
    }  # fmt: skip
    slave: dict[str, Any] = {
        "unitId": load.unit(device), "deviceName": f"dev{device}", "deviceType": "default", "timeout": _TIMEOUT_S,
        "byteOrder": "BIG", "wordOrder": "BIG", "retries": 0, "retryOnEmpty": False, "retryOnInvalid": False,
        "pollPeriod": load.period_s * 1000, "connectAttemptTimeMs": 500, "connectAttemptCount": 5,
        "waitAfterFailedAttemptsMs": 30_000, "attributes": [], "timeseries": [block], "attributeUpdates": [], "rpc": [],
    }  # fmt: skip
    if isinstance(place, int):
        return {**slave, "host": "127.0.0.1", "port": place, "type": "tcp", "method": "socket"}
    line = {"baudrate": 9600, "stopbits": 1, "bytesize": 8, "parity": "N", "strict": False}
    return {**slave, **line, "port": place, "type": "serial", "method": "rtu"}


class _ThingsBoardReceiver(Receiver):
    """{"dev0": [{"ts": 1, "values": {"t2": 7}}]}; there is no sequence, so what comes twice is twice."""

    def take(self, message: Message) -> None:
        now_s, topic, payload = message
        if topic != "v1/gateway/telemetry":
            return
        self.payload_bytes += len(payload)
        for name, rows in msgspec.json.decode(payload).items():
            for row in rows:
                for tag, value in (row.get("values") or {}).items():
                    self.keep(int(name[3:]), int(tag[1:]) // 2, (now_s, row.get("ts") or 0, int(value)))


class Telegraf:
    """Core, inputs.modbus, outputs.mqtt with its disk buffer that syncs."""

    name = "Telegraf"

    def __init__(self) -> None:
        self._binary = telegraf_binary()

    def prepare(self, folder: Path, load: Load, places: list[int | str], broker_port: int) -> Command:
        (folder / "buffer").mkdir()
        text = f"""[agent]
interval = "{load.period_s}s"
round_interval = true
metric_batch_size = 1000
metric_buffer_limit = 1000000
flush_interval = "1s"
precision = "1ms"
omit_hostname = true
skip_processors_after_aggregators = true
buffer_strategy = "disk_write_through"
buffer_directory = "{folder}/buffer"
buffer_disk_sync = true
[[outputs.mqtt]]
servers = ["tcp://127.0.0.1:{broker_port}"]
topic = "telegraf"
qos = 1
client_id = "telegraf"
keep_alive = 30
timeout = "5s"
layout = "batch"
data_format = "json"
json_timestamp_units = "1ms"
startup_error_behavior = "retry"
"""
        fields = ", ".join(f'{{ address={2 * i}, name="t{i}", type="UINT32" }}' for i in range(load.values))
        for line, place in enumerate(places):
            where = f"tcp://127.0.0.1:{place}" if isinstance(place, int) else f"file://{place}"
            text += f'[[inputs.modbus]]\nname = "line{line}"\ncontroller = "{where}"\ntimeout = "{_TIMEOUT_S}s"\n'
            text += 'configuration_type = "request"\nexclude_register_type_tag = true\n'
            if isinstance(place, str):
                text += 'baud_rate = 9600\ndata_bits = 8\nparity = "N"\nstop_bits = 1\ntransmission_mode = "RTU"\n'
            for device in range(load.devices):
                if load.line(device) == line:
                    text += f'[[inputs.modbus.request]]\nslave_id = {load.unit(device)}\nbyte_order = "ABCD"\n'
                    text += f'register = "holding"\noptimization = "max_insert"\nfields = [{fields}]\n'
                    text += f'[inputs.modbus.request.tags]\ndev = "{device}"\n'
        (folder / "telegraf.conf").write_text(text)
        return Command([self._binary, str(folder / "telegraf.conf")], dict(os.environ), folder)

    def receiver(self, load: Load) -> Receiver:
        return _TelegrafReceiver(load)

    def answer(self, topic: str, payload: bytes) -> tuple[str, bytes] | None:
        return None


class _TelegrafReceiver(Receiver):
    """{"metrics": [{"fields": {"t1": 7}, "tags": {"dev": "0"}, "timestamp": 1}]}"""

    def take(self, message: Message) -> None:
        now_s, topic, payload = message
        if topic != "telegraf":
            return
        self.payload_bytes += len(payload)
        content = msgspec.json.decode(payload)
        for metric in content.get("metrics", [content]):
            for tag, value in metric["fields"].items():
                self.keep(int(metric["tags"]["dev"]), int(tag[1:]), (now_s, metric["timestamp"], int(value)))
