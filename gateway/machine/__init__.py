"""Where the gateway meets its machine: ports, pins, systemd."""
