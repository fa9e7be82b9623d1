"""Knows an MQTT broker in this process (amqtt) for whoever has none; knows no topic."""

import logging

from amqtt.broker import Broker

_NAME = "amqtt.plugins.authentication.AnonymousAuthPlugin"


async def serve(host: str, port: int) -> Broker:
    """A broker that lets everybody in, until its shutdown()."""
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.ERROR)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
            "plugins": {_NAME: {"allow_anonymous": True}},
        }
    )
    await broker.start()
    return broker
