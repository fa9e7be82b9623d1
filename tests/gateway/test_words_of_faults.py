"""What a technician does wrong at a command, told in the language that was chosen: a sentence and no traceback."""

import argparse
import fcntl
import os
import re
import ssl
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import argument_words, messages
from gateway.__main__ import main
from gateway.faults import SiteError, read
from gateway.messages import reason_text
from tests.gateway.doubles import NODE, RIVER, STATION, UPLINK, sensor

SITE = STATION + NODE.replace('"level"', '"deep"') + RIVER + sensor("level", 1) + UPLINK
# Three words in a row are a sentence that nobody translated, unless they are a command.
WORDS = re.compile(r"[A-Za-z]+(?: [A-Za-z]+){2,}")
COMMAND = re.compile(r"(?:watertower|systemctl)(?: [A-Za-z]+)+")
MISTAKES = (
    (["provision"], "缺少 NODE", 2),
    (["flsh"], "'flsh' 不可用", 2),
    (["flash", "--port"], "后面缺少一个值", 2),
    (["flash", "--frobnicate"], "不认识 --frobnicate", 2),
    (["check", "nowhere.toml"], "没有这个文件或文件夹；请进入它所在的文件夹", 2),
    (["commission"], "请进入它所在的文件夹", 2),
    (["bundle", "--check", "nowhere.zip"], "没有这个文件或文件夹", 1),
    (["scan", "/dev/ttyNOWHERE"], "没有这个文件或文件夹", 1),
    (["update", "water", "--status"], "用 --site 路径/site.toml 指定", 1),
    (["commission", "--check", "nowhere.html"], "没有这个文件或文件夹", 2),
    (["tell", "deep", "calibrate", "--site", "here.toml", "--yes"], "接在节点", 1),
    (["status", "here.toml"], "没有这个文件或文件夹", 2),
    (["scan", "/dev/null"], "不是串口", 1),
    (["scan", "usb:1a86:7529"], "没有插上", 1),
    (["provision", "water", "--site", "here.toml", "--port", "/dev/ttyNOWHERE", "--wait", "0"], "没有串口 /dev/tty", 1),
    (["provision", "water", "--site", "here.toml", "--port", "usb:1a86:7529"], "没有插上", 1),
    (["provision", "water", "--site", "here.toml", "--port", "here.toml"], "不是串口", 1),
    (["demo", "--for", "x"], "'x' 不符合要求，应为大于 0", 2),
    (["demo", "--for", "-5"], "--for：'-5' 不符合要求，应为大于 0、不超过 316224000 的数", 2),
    (["demo", "--for", "nan"], "'nan' 不符合要求", 2),
    (["demo", "--kill-at", "-1"], "--kill-at：'-1' 不符合要求，应为 0 到", 2),
    (["demo", "--seconds-per-row", "0"], "--seconds-per-row：'0' 不符合要求，应为 0.001 到 1000000 之间的数", 2),
    (["sim", "run", "outage", "--days", "0"], "'0' 不符合要求", 2),
    (["sim", "run", "outage", "--real-time", "--for", "0"], "'0' 不符合要求", 2),
    (["sim", "desk", "--for", "-1"], "'-1' 不符合要求", 2),
    (["sim", "swarm", "outage", "--seeds", "0"], "--seeds：'0' 不符合要求，应为不小于 1 的整数", 2),
    (["sim", "swarm", "outage", "--seeds", "two"], "'two' 不符合要求", 2),
    (["sim", "replay", "outage", "--only", "x"], "--only：'x' 不符合要求，应为事件编号（例如 1,4），或 none", 2),
    (["sim", "replay", "outage", "--only", "1,,2"], "'1,,2' 不符合要求", 2),
    (["--lang", "fr"], "'fr' 不可用", 2),
    (["--lang", "zh", "archive"], "缺少 --broker", 2),
    (["sim", "desk", "here.toml"], "here.toml：已存在", 1),
    (["sim", "capture", "here.toml", "nowhere", "-o", "x.toml"], "没有这个文件或文件夹", 1),
    (["run", "here.toml", "--capture", "here.toml"], "here.toml：已存在", 1),
    (["verify", "here.toml", "--store", "here.toml"], "不是数据库文件", 1),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    for name in ("WATERTOWER_LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    messages.set_language(None)
    (tmp_path / "here.toml").write_text(SITE, "utf-8")
    yield tmp_path
    messages.set_language(None)


@pytest.mark.parametrize(("arguments", "told", "status"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_is_told_in_chinese(
    arguments: list[str], told: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        found = main(arguments)
    except SystemExit as end:
        found = int(end.code or 0)
    err = capsys.readouterr().err
    assert told in err
    assert WORDS.search(COMMAND.sub("", err)) is None, err
    assert found == status


def test_every_word_of_the_parser_is_one_that_this_python_says() -> None:
    """An entry whose English is not argparse's own would never be said."""
    source = Path(argparse.__file__).read_text("utf-8")
    of_ours = [entry["en"] for key, entry in messages.catalogue().items() if key.startswith(argument_words.SECTION)]
    newer = sys.version_info >= (3, 12)  # which says some of them otherwise: those stay English there
    assert newer or [text for text in of_ours if repr(text)[1:-1] not in source] == []


def test_a_refusal_of_the_system_is_said_in_words_and_one_of_tls_as_it_is() -> None:
    assert reason_text(PermissionError(13, "Permission denied", "/x"), "zh") == "没有权限"
    assert reason_text(PermissionError(13, "Permission denied", "/x"), "en") == "no permission"
    assert reason_text(ssl.SSLError(1, "[SSL] wrong version number"), "zh") == "[SSL] wrong version number"
    assert reason_text(OSError(-2, "Name or service not known"), "zh") == "Name or service not known"


@pytest.mark.parametrize(("key", "told", "status"), ((b"\x03", "已中断", 130), (b"\x04", "没有得到回答", 1)))
def test_a_question_may_be_broken_off(key: bytes, told: str, status: int) -> None:
    """At a real terminal: Ctrl-C and Ctrl-D where a new password is asked for."""
    parent, child = os.openpty()
    command = [sys.executable, "-m", "gateway", "web", "here.toml", "--set-password"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(child)
    said = _until(parent, "：")
    os.write(parent, key)
    said += _until(parent, None)
    os.close(parent)
    assert process.wait(20) == status
    assert told in said
    assert "Traceback" not in said


def _until(terminal: int, sign: str | None) -> str:
    """What comes till `sign` does, or till the other end is closed."""
    said = b""
    end = time.monotonic() + 20
    while time.monotonic() < end and (sign is None or sign.encode() not in said):
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux: closed
            break
        if not part:
            break
        said += part
    return said.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "第 1 行第 5 列 TOML 语法错误：等号后面没有值"),
        ("x", "键的后面缺少等号"),
        ('x = "a', "文本缺少结束的引号"),
        ("[a]\n[a]\n", "表 ('a',) 写了两次"),
        ("x=1\nx=2", "同一个键写了两次"),
        ("a = {b=1", "行内表缺少 }"),
        ("a={b=1,b=2}", "行内表中的键 'b' 写了两次"),
        ('x="\\q"', "文本中的 \\ 要写成 \\\\"),
    ],
)
def test_what_the_parser_of_toml_says_is_said_in_chinese(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SiteError) as raised:
        read(path)
    assert said in raised.value.faults[0].text("zh")
