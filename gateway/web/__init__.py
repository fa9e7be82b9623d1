"""What people see of a station in a browser: a process of its own, beside the gateway; never sees a bus or a broker."""
