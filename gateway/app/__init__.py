"""A gateway put together and kept running: the only room that sees all parts."""

from gateway.app.gateway import Gateway as Gateway
from gateway.app.outside import Outside as Outside
from gateway.app.serving import serve as serve
from gateway.app.serving import serve_process as serve_process
