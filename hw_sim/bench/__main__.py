"""Knows the bench's command line: which groups there are, and how figures are printed; measures nothing."""

import argparse
import importlib
import json
import logging
import sys

_GROUPS = ("archive", "demo", "gateway", "node", "platforms", "process", "qc", "sim")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures a group and prints its figures.")
    parser.add_argument("group", choices=_GROUPS)
    parser.add_argument("--json", action="store_true", help="one JSON object: name -> value, unit, against, ratio")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="a part of a group that has parts")
    args = parser.parse_args()
    logging.disable()  # figures, not the gateway's log
    group = importlib.import_module(f"hw_sim.bench.{args.group}")
    parts = getattr(group, "PARTS", ())
    if unknown := set(args.only) - set(parts):
        parser.error(f"{args.group} has no part {', '.join(sorted(unknown))}: {', '.join(parts) or 'none'}")
    some = (args.only,) if args.only else ()
    figures = group.measure(lambda text: print(text, file=sys.stderr, flush=True), *some)
    if args.json:
        print(json.dumps(figures))
    else:
        for name, f in figures.items():
            ratio = "" if f["ratio"] is None else f"   x {f['ratio']:g} of {f['against']}"
            print(f"{name:36} {f['value']:>12g} {f['unit']:12}{ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
