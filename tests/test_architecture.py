"""Keeps the rooms apart: who may import whom, read from the source alone. DESIGN.md has the reasons."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("protocols", "firmware", "gateway", "hw_sim")
HARDWARE = ("machine", "esp32", "rp2")
HARDWARE_ROOMS = ("firmware.boards", "firmware.boot.rp2", "firmware.boot.esp32")

# The longest name that fits a module says what it may import of ours; what is left out is refused.
# (module, allowed, refused although allowed, the rule)
INNER = ("gateway.collect", "gateway.uplink", "gateway.app", "gateway.__main__")
RULES = (
    ("protocols", ("protocols",), (), "protocols imports nothing of ours but protocols"),
    ("firmware", ("firmware", "protocols"), (), "firmware imports only firmware and protocols"),
    ("gateway", ("gateway", "protocols"), INNER, "only gateway.app and gateway.__main__ see collect and uplink"),
    ("gateway.process", ("gateway.process", "protocols"), (), "gateway.process is pure: it imports only protocols"),
    ("gateway.collect", ("gateway", "protocols"), INNER[1:], "gateway.collect never sees uplink or app"),
    ("gateway.uplink", ("gateway", "protocols"), (INNER[0], *INNER[2:]), "gateway.uplink never sees collect or app"),
    ("gateway.app", ("gateway", "protocols"), INNER[3:], "gateway never imports firmware or hw_sim"),
    (
        "gateway.__main__",
        ("gateway", "protocols"),
        (),
        "gateway.__main__ reaches hw_sim only inside its demo and sim commands",
    ),
    ("hw_sim", OURS, (), ""),
)


def inside(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def imports(tree: ast.Module, package: list[str]) -> Iterator[tuple[ast.stmt, str, str]]:
    """(statement, imported module, name of the function around it or "")."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[ast.stmt, str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((child, alias.name, function) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                above = package[: len(package) - child.level + 1] if child.level else []
                start = ".".join([*above, *([child.module] if child.module else [])])
                yield from ((child, f"{start}.{alias.name}", function) for alias in child.names)
            else:
                around = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
                yield from walk(child, around)

    return walk(tree, "")


def faults(root: Path) -> list[str]:
    """Every breach below `root` as "file:line: what: rule"."""
    found = []
    for path in sorted(path for room in OURS for path in (root / room).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = path.relative_to(root).as_posix()
        if not ast.get_docstring(tree):
            found.append(f"{where}:1: every file starts with a docstring: what it knows and what it does not")
        _, allowed, refused, rule = max((row for row in RULES if inside(module, row[0])), key=lambda row: len(row[0]))
        for statement, target, function in imports(tree, list(parts[:-1])):
            at = f"{where}:{statement.lineno}: imports {target}"
            if target.split(".")[0] in HARDWARE and not any(inside(module, room) for room in HARDWARE_ROOMS):
                found.append(f"{at}: the hardware's modules are imported only below firmware/boards and boot's chips")
            if target.split(".")[0] not in OURS:
                continue
            lazily = module == "gateway.__main__" and ("demo" in function or "sim" in function)
            if lazily and inside(target, "hw_sim"):
                continue
            if not any(inside(target, room) for room in allowed) or any(inside(target, room) for room in refused):
                found.append(f"{at}: {rule}")
    return found


def test_every_import_keeps_to_the_rooms() -> None:
    assert not faults(ROOT), "\n" + "\n".join(faults(ROOT))


# (file, text, whether it is a fault)
SAMPLES = (
    ("protocols/link.py", "from gateway import store", True),
    ("protocols/modbus.py", "from .checks import crc16", False),
    ("protocols/bare.py", None, True),
    ("firmware/cycle.py", "import gateway.store", True),
    ("firmware/power.py", "import machine", True),
    ("firmware/journal.py", "import protocols.record", False),
    ("firmware/boards/rp2.py", "import machine, rp2", False),
    ("firmware/boot/rp2/port.py", "import machine, rp2", False),
    ("firmware/boot/start.py", "import machine", True),
    ("gateway/store.py", "from firmware import journal", True),
    ("gateway/ports.py", "from gateway import app", True),
    ("gateway/site/config.py", "from protocols.profiles import load", False),
    ("gateway/app/gateway.py", "from gateway.collect import radio\nfrom gateway.uplink import mqtt", False),
    ("gateway/web.py", "from gateway.collect import radio", True),
    ("gateway/process/qc.py", "from gateway import store", True),
    ("gateway/process/aqi.py", "from gateway.process import qc", False),
    ("gateway/collect/radio.py", "from ..uplink import mqtt", True),
    ("gateway/collect/modbus.py", "from gateway import store", False),
    ("gateway/uplink/mqtt.py", "def send():\n    from gateway.collect import radio", True),
    ("gateway/__main__.py", "from hw_sim import world", True),
    ("gateway/field.py", "def run_demo():\n    import hw_sim.world", True),
    ("hw_sim/world.py", "import firmware.cycle, gateway.app, protocols.link", False),
)


def test_the_rules_can_fail(tmp_path: Path) -> None:
    for name, text, _ in SAMPLES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("" if text is None else f'"""A sample."""\n{text}\n')
    found = {fault.split(":")[0] for fault in faults(tmp_path)}
    assert found == {name for name, _, is_fault in SAMPLES if is_fault}


def test_only_the_demo_command_reaches_the_simulator(tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir()
    main = tmp_path / "gateway" / "__main__.py"
    main.write_text('"""A sample."""\ndef demo():\n    from hw_sim import world\n')
    assert faults(tmp_path) == []
    main.write_text('"""A sample."""\ndef run():\n    from hw_sim import world\n')
    rule = "gateway.__main__ reaches hw_sim only inside its demo and sim commands"
    assert faults(tmp_path) == [f"gateway/__main__.py:3: imports hw_sim.world: {rule}"]
