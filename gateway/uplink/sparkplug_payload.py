"""Knows a Sparkplug B payload's bytes, both ways (protobuf); knows no topic, no session and no store.

The layout is that of sparkplug_b.proto (Sparkplug 3.0, 6.4): names and numbers of its fields, as far as a gateway needs
them. What is left out (templates, data sets, metadata) is passed over where it is met, as protobuf has it.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

# 6.4.16: data types
INT32, INT64, UINT32, DOUBLE, BOOLEAN, STRING = 3, 4, 7, 10, 11, 12
BAD, GOOD, STALE = 0, 192, 500  # 6.4.9.1: values of the property "Quality"
LARGEST_BYTES = 65_536  # of what is taken from a host; ours
_MOST_METRICS = 100  # the same

# The field of a value, by data type (6.4.16); the types that are shorter are sent in the same.
_FIELDS = {
    **dict.fromkeys((1, 2, 3, 5, 6, 7), "int_value"),
    **dict.fromkeys((4, 8, 13), "long_value"),
    9: "float_value",
    10: "double_value",
    11: "boolean_value",
    **dict.fromkeys((12, 14, 15), "string_value"),
}
_BITS = {"int_value": 32, "long_value": 64}
_SIGNED = frozenset((1, 2, 3, 4))

_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "PropertyValue": (("type", 1, "uint32"), ("is_null", 2, "bool"), ("int_value", 3, "uint32"),
                      ("long_value", 4, "uint64"), ("float_value", 5, "float"), ("double_value", 6, "double"),
                      ("boolean_value", 7, "bool"), ("string_value", 8, "string")),
    "PropertySet": (("keys", 1, "string*"), ("values", 2, "PropertyValue*")),
    "Metric": (("name", 1, "string"), ("alias", 2, "uint64"), ("timestamp", 3, "uint64"), ("datatype", 4, "uint32"),
               ("is_historical", 5, "bool"), ("is_transient", 6, "bool"), ("is_null", 7, "bool"),
               ("properties", 9, "PropertySet"), ("int_value", 10, "uint32"), ("long_value", 11, "uint64"),
               ("float_value", 12, "float"), ("double_value", 13, "double"), ("boolean_value", 14, "bool"),
               ("string_value", 15, "string"), ("bytes_value", 16, "bytes")),
    "Payload": (("timestamp", 1, "uint64"), ("metrics", 2, "Metric*"), ("seq", 3, "uint64"), ("uuid", 4, "string"),
                ("body", 5, "bytes")),
}  # fmt: skip

Value = bool | int | float | str


class BadPayload(ValueError):
    """Not a payload that a host may send."""


class Property(NamedTuple):
    """Something said of a value."""

    key: str
    datatype: int
    value: Value


class Metric(NamedTuple):
    """One value of one time. Said by `name` and `datatype` in a birth, by `alias` alone later. `value` None: null."""

    value: Value | None
    unix_ms: int | None = None
    name: str | None = None
    alias: int | None = None
    datatype: int | None = None
    is_historical: bool = False
    properties: tuple[Property, ...] = ()


class Payload(NamedTuple):
    """`seq` None: a message that has none."""

    unix_ms: int | None
    metrics: tuple[Metric, ...]
    seq: int | None


def _payload_class() -> Any:
    """Our own descriptor: nothing generated, and a pool of its own, as a process may know another one of that name."""
    file = descriptor_pb2.FileDescriptorProto(name="watertower/sparkplug.proto", package="sparkplug", syntax="proto2")
    field_proto = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, written in fields:
            kind = written.rstrip("*")
            label = field_proto.LABEL_REPEATED if written.endswith("*") else field_proto.LABEL_OPTIONAL
            made = message.field.add(name=field, number=number, label=label)
            if kind in _MESSAGES:
                made.type, made.type_name = field_proto.TYPE_MESSAGE, f".sparkplug.{kind}"
            else:
                made.type = getattr(field_proto, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sparkplug.Payload"))


_PAYLOAD = _payload_class()


def encoded(unix_ms: int | None, metrics: Sequence[tuple[Metric, int]], seq: int | None) -> bytes:
    """Each metric with its data type, whether it is said or not."""
    payload = _PAYLOAD()
    if unix_ms is not None:
        payload.timestamp = unix_ms
    if seq is not None:
        payload.seq = seq
    for metric, datatype in metrics:
        _write(payload.metrics.add(), metric, datatype)
    return bytes(payload.SerializeToString())


def _write(made: Any, metric: Metric, datatype: int) -> None:
    for field, value in (
        ("name", metric.name),
        ("alias", metric.alias),
        ("timestamp", metric.unix_ms),
        ("datatype", metric.datatype),
    ):
        if value is not None:
            setattr(made, field, value)
    if metric.is_historical:
        made.is_historical = True
    if metric.value is None:
        made.is_null = True
    else:
        _put(made, datatype, metric.value)
    for one in metric.properties:
        made.properties.keys.append(one.key)
        _put(made.properties.values.add(type=one.datatype), one.datatype, one.value)


def _put(made: Any, datatype: int, value: Value) -> None:
    field = _FIELDS[datatype]
    bits = _BITS.get(field)
    setattr(made, field, value if bits is None else int(value) & ((1 << bits) - 1))  # 6.4.16: two's complement


def decoded(data: bytes) -> Payload:
    """What a host sends. BadPayload: too long, not one, or with values that are none."""
    if len(data) > LARGEST_BYTES:
        raise BadPayload("too long")
    payload = _PAYLOAD()
    try:
        payload.ParseFromString(data)
        if len(payload.metrics) > _MOST_METRICS:
            raise BadPayload("too many metrics")
        return Payload(
            payload.timestamp if payload.HasField("timestamp") else None,
            tuple(map(_read, payload.metrics)),
            payload.seq if payload.HasField("seq") else None,
        )
    except (DecodeError, UnicodeDecodeError) as error:  # of a text not before it is read
        raise BadPayload("not protobuf") from error


def _read(metric: Any) -> Metric:
    datatype = metric.datatype if metric.HasField("datatype") else None
    return Metric(
        _value(metric, datatype),
        metric.timestamp if metric.HasField("timestamp") else None,
        _text(metric.name) if metric.HasField("name") else None,
        metric.alias if metric.HasField("alias") else None,
        datatype,
        metric.is_historical,
        tuple(
            Property(key, one.type, value)
            for key, one in zip(metric.properties.keys, metric.properties.values, strict=False)
            if (value := _value(one, one.type)) is not None
        ),
    )


def _text(value: object) -> str:
    """protobuf gives bytes for what is no UTF-8."""
    if not isinstance(value, str):
        raise BadPayload("not a text")
    return value


def _value(made: Any, datatype: int | None) -> Value | None:
    for field in dict.fromkeys(_FIELDS.values()):
        if made.HasField(field):
            value: Value = getattr(made, field)
            bits = _BITS.get(field)
            if bits is not None and datatype in _SIGNED and int(value) >> (bits - 1):
                value = int(value) - (1 << bits)
            if field == "string_value":
                return _text(value)
            if isinstance(value, float) and not math.isfinite(value):
                raise BadPayload("not a number")
            return value
    return None
