"""A field bus in software: wires, what sits on them, and what goes wrong there."""
