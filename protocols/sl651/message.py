"""Knows a frame together with what its body says, in either form; knows no packets and no dialogue."""

from protocols.sl651 import ascii_body, body
from protocols.sl651.body import REST, Body, Item
from protocols.sl651.frame import Frame

_NO_BODY = Body(0, "", ())


def read(frame: Frame) -> Body:
    """Sl651Error: its body is unsound. A packet behind the first has no serial and no time: all is REST."""
    if frame.packet is not None and frame.packet[1] > 1:
        return _NO_BODY._replace(items=(Item(REST, b"", frame.body),))
    if frame.is_ascii:
        return ascii_body.decode(frame.body, frame.function, frame.is_down)
    return body.decode(frame.body, frame.function, frame.is_down)


def written(frame: Frame, content: Body) -> Frame:
    """The frame with that body."""
    return frame._replace(body=ascii_body.encode(content) if frame.is_ascii else body.encode(content))


def packed(frame: Frame, content: Body) -> bytes:
    """The body bytes of what read() gave: the same again."""
    if frame.packet is not None and frame.packet[1] > 1:
        return b"".join(item.lead + item.data for item in content.items)
    return ascii_body.encode(content) if frame.is_ascii else body.encode(content)
