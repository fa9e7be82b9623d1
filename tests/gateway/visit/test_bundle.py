"""A bundle is whole or refused, its secrets open to one passphrase only, and what is no image is told before."""

import io
import random
import zipfile
from errno import EACCES
from pathlib import Path, PosixPath

import pytest

from gateway.__main__ import main
from gateway.site import config
from gateway.visit import bundle, image, material
from gateway.visit.failure import VisitFailed
from gateway.visit.sealed import Sealer, WrongPassphrase, unseal
from hw_sim.desk.pretended import esp, uf2
from hw_sim.desk.pretended import image as pretended

ROOT = Path(__file__).parents[3]
SITE = ROOT / "hw_sim/sites/demo.toml"
SECRET = "三江源 2026"
RP2040 = 0xE48BFF56
KEY = b"7a4e0c5d1f8b2a9366e0d7c15b3f48a20c9d6e7f8091a2b3c4d5e6f708192a3b"  # demo.toml's node "water"


def made(**more: object) -> bytes:
    content = bundle.Content(config.load(SITE), SITE.read_bytes(), **more)  # type: ignore[arg-type]
    return bundle.make(content, SECRET, "2026-11-29T08:00:00Z", log2_n=10)


def test_a_bundle_gives_back_what_was_put_in() -> None:
    mine = image.read("pico.uf2", pretended("RP2040"))
    packed = bundle.read(
        "visit.zip", made(images=(mine,), updates={"rp2-7.wtu": b"WTU1"}, wheels={"a-1-py3-none-any.whl": b"PK"})
    )
    assert packed.images() == (mine,) and packed.images()[0].own
    assert packed.updates() == {"rp2-7.wtu": b"WTU1"}
    assert packed.slice_of("water", SECRET) == bundle.secrets(config.load(SITE), "water")
    assert packed.site_text(SECRET) == SITE.read_bytes()


def test_no_key_lies_open_in_it() -> None:
    data = made()
    packed = zipfile.ZipFile(io.BytesIO(data))
    assert KEY in SITE.read_bytes()
    for name in packed.namelist():
        assert KEY not in packed.read(name) and bytes.fromhex(KEY.decode()) not in packed.read(name)
    with pytest.raises(VisitFailed) as told:
        bundle.read("visit.zip", data).slice_of("water", SECRET + "6")
    assert told.value.what.key == "bundle.passphrase"


def test_one_changed_byte_anywhere_is_seen() -> None:
    data = made(updates={"rp2-7.wtu": bytes(range(256)) * 4})
    whole = bundle.read("visit.zip", data)
    dice = random.Random(1)
    for _ in range(300):
        at = dice.randrange(len(data))
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << dice.randrange(8)
        try:
            found = bundle.read("visit.zip", bytes(spoilt))
        except VisitFailed:
            continue
        assert (found.manifest, found.files) == (whole.manifest, whole.files)  # a date or comment of the zip's own


def test_a_file_that_was_added_changed_or_left_out_or_leads_outside_is_refused() -> None:
    for change in ("added", "gone", "other"):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(made())) as old, zipfile.ZipFile(out, "w") as new:
            for info in old.infolist():
                if change != "gone" or info.filename != "nodes/water.sealed":
                    other = b"x" if change == "other" and info.filename == "nodes/water.sealed" else b""
                    new.writestr(info.filename, old.read(info) + other)
            if change == "added":
                new.writestr("wheels/x.whl", b"x")
        with pytest.raises(VisitFailed) as told:
            bundle.read("visit.zip", out.getvalue())
        assert told.value.what.key == "bundle.changed"
    evil = made(profiles={"../../x": b"x"})  # its manifest agrees
    with pytest.raises(VisitFailed) as told:
        bundle.read("visit.zip", evil)
    assert "profiles/../../x" in str(told.value)


def test_two_sealed_files_cant_be_exchanged() -> None:
    sealer = Sealer(SECRET, log2_n=10)
    sealed = sealer.seal("nodes/a.sealed", b"slice")
    assert unseal(SECRET, "nodes/a.sealed", sealed) == b"slice"
    for name, data in (("nodes/b.sealed", sealed), ("nodes/a.sealed", sealed[:-1]), ("nodes/a.sealed", b"WTS1\xff")):
        with pytest.raises(WrongPassphrase):
            unseal(SECRET, name, data)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"PK\3\4 something else", "image.unknown"),
        (uf2(b"x" * 1000, RP2040)[:-512], "image.damaged"),
        (uf2(b"x" * 1000, RP2040)[:-1], "image.damaged"),
        (uf2(b"x", family=0xADA52840), "image.other_family"),  # nRF52840
        (uf2(b"x" * 300, RP2040)[:512] + uf2(b"x" * 300, family=0xE48BFF59)[512:], "image.other_family"),
        (esp(0x0777), "image.other_family"),
        (esp(0).replace(b"\xaa\x50", b"\xff\xff"), "image.no_table"),
    ],
)
def test_what_is_no_image_for_our_boards_is_refused(content: bytes, key: str) -> None:
    with pytest.raises(VisitFailed) as told:
        image.read("file", content)
    assert told.value.what.key == key


def test_an_image_tells_its_chip_its_place_and_whether_it_is_ours() -> None:
    pico = image.read("a.uf2", uf2(b"y" * 3000, RP2040))
    assert (pico.chip, pico.target, pico.own) == ("RP2040", "rp2", False)
    assert [(run.address, len(run.content)) for run in pico.runs] == [(0x10000000, 3072)]
    chips = [(0, "ESP32", 0x1000), (9, "ESP32-S3", 0), (5, "ESP32-C3", 0)]
    for chip_id, chip, offset in chips:
        found = image.read("a.bin", esp(chip_id))
        assert (found.chip, found.target, found.runs[0].address) == (chip, "esp32", offset)


def test_the_command_packs_checks_and_unpacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n", "utf-8")
    (tmp_path / "pico.uf2").write_bytes(uf2(b"stock" * 100, RP2040))
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "a-1-py3-none-any.whl").write_bytes(b"PK")
    out = tmp_path / "visit.zip"
    told = ["--passphrase-file", str(secret), "--lang", "en"]
    pack = ["bundle", str(SITE), "-o", str(out), "--image", str(tmp_path / "pico.uf2"), "--wheels", str(tmp_path / "w")]
    assert main([*pack, *told]) == 0
    said = capsys.readouterr().out
    assert "stock image" in said and "node water: id 17" in said
    assert main(["bundle", "--check", str(out), *told]) == 0
    assert "1 wheels" in capsys.readouterr().out
    assert main(["bundle", "--open", str(out), "-o", str(tmp_path / "gateway"), *told]) == 0
    assert (tmp_path / "gateway/site.toml").read_bytes() == SITE.read_bytes()
    assert (tmp_path / "gateway/site.toml").stat().st_mode & 0o077 == 0
    secret.write_text("another one", "utf-8")
    assert main(["bundle", "--check", str(out), "--passphrase-file", str(secret), "--lang", "zh"]) == 1
    assert "处理办法" in capsys.readouterr().err


def test_an_image_for_no_board_of_the_site_does_not_go_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "esp.bin").write_bytes(esp(9))
    site = tmp_path / "site.toml"
    site.write_text(SITE.read_text("utf-8").replace('board = "esp32"', 'board = "rp2"'), "utf-8")
    assert main(["bundle", str(site), "--image", str(tmp_path / "esp.bin"), "--lang", "en"]) == 1
    assert "no node of this site has such a board" in capsys.readouterr().err
    assert not (tmp_path / "visit.zip").exists()


class Closed(PosixPath):
    """A file that is somebody else's. The tests may run as root, whom no file's mode stops."""

    def read_bytes(self) -> bytes:
        raise PermissionError(EACCES, "Permission denied", str(self))


def test_a_file_that_may_not_be_read_is_no_reason_to_copy_it_again() -> None:
    for reads in (bundle.opened, material.read_image):
        with pytest.raises(VisitFailed) as told:
            reads(Closed("visit.zip"))
        said = told.value.text("en")
        assert "no permission" in said and said.endswith("sudo chown $USER visit.zip")
        assert "opy it again" not in said and "opy the image" not in said
    with pytest.raises(VisitFailed) as told:
        bundle.opened(Path("nowhere.zip"))
    assert told.value.advice.key == "bundle.copy_again"


def test_the_passphrase_is_asked_for_before_anything_is_compiled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("short", "utf-8")
    pack = ["bundle", str(SITE), "-o", str(tmp_path / "visit.zip"), "--passphrase-file", str(secret), "--lang", "en"]
    assert main(pack) == 1
    told = capsys.readouterr()
    assert "fewer than" in told.err and "compiling" not in told.err + told.out
    secret.write_text(SECRET, "utf-8")
    assert main(pack) == 0
    told = capsys.readouterr()
    assert "compiling for rp2" in told.err + told.out, "else the check above proves nothing"
