"""Runs the test functions of one module and prints a line of JSON for each; runs itself under real MicroPython.

usage: micropython_runner.py MODULE NAME...   (MODULE dotted, from the repository's root; NAMEs as tests/conftest.py
read them in the source). Knows nothing of pytest. Lines that do not start with MARK are what the tests print.
"""

import io
import json
import sys

MARK = "\x1e"  # record separator


def report(name: str, error: BaseException | None) -> None:
    trace = ""
    if error is not None:
        text = io.StringIO()
        sys.print_exception(error, text)  # type: ignore[attr-defined]
        trace = text.getvalue()
    print(MARK + json.dumps({"name": name, "ok": error is None, "traceback": trace}))


def main(module_name: str, names: list[str]) -> None:
    try:
        module = __import__(module_name, None, None, ("*",))
    except BaseException as error:
        for name in names:
            report(name, error)
        return
    for name in names:
        try:
            getattr(module, name)()
        except BaseException as error:  # SystemExit too: a test must not end the others
            report(name, error)
        else:
            report(name, None)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
