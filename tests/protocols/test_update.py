"""The manifest, the seal and the bodies of an update, on both interpreters."""

import hashlib
from binascii import unhexlify

from protocols import update
from protocols.errors import AuthError, FrameError, RangeError
from protocols.update import Manifest, Part

KEY = bytes(range(32))


def digest(text):
    return hashlib.sha256(text).digest()


def manifest(number=7, target="rp2", lowers=False):
    return Manifest(
        number,
        target,
        (
            Part("firmware/__init__.mpy", 0, 3, digest(b"abc")),
            Part("firmware/boards/rp2.mpy", 3, 5, digest(b"12345")),
            Part("firmware/main.mpy", 8, 1, digest(b"x")),
        ),
        lowers,
    )


def raises(error, function, *arguments):
    try:
        function(*arguments)
    except error as caught:
        return caught
    raise AssertionError("%s was not raised" % error.__name__)


def test_a_manifest_is_these_bytes():
    plain = update.encode(Manifest(0x01020304, "rp2", (Part("firmware/main.mpy", 0, 258, digest(b"abc")),), True))
    assert plain == (
        b"\x01\x02\x03\x04\x01\x03rp2\x00\x01\x11firmware/main.mpy\x00\x00\x00\x00\x00\x00\x01\x02"
        # SHA-256 of "abc": FIPS 180-4, example of NIST
        + unhexlify("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    )


def test_a_manifest_comes_back():
    for one in (manifest(), manifest(1, "esp32"), manifest(0xFFFFFFFF, lowers=True)):
        plain = update.encode(one)
        assert update.decode(plain) == one
        assert update.front(plain) == (one.number, one.lowers, one.target)
        for part in one.parts:
            assert update.find(plain, part.path) == (part.start, part.length, part.digest)
        for absent in ("main.mpy", "firmware/main", "irmware/main.mpy", "firmware", "", "x" * 60):
            assert update.find(plain, absent) is None, absent


def test_what_was_cut_or_lengthened_is_refused():
    plain = update.encode(manifest())
    for length in range(len(plain)):
        raises(FrameError, update.decode, plain[:length])
    raises(FrameError, update.decode, plain + b"\x00")


def test_no_manifest_says_one_thing_in_two_ways():
    parts = manifest().parts
    a, b, c = parts
    for bad in (
        Manifest(0, "rp2", parts),
        Manifest(1 << 32, "rp2", parts),
        Manifest(7, "", parts),
        Manifest(7, "RP2", parts),
        Manifest(7, "rp2", ()),
        Manifest(7, "rp2", (a, b)),  # nothing to start
        Manifest(7, "rp2", (b, a, c)),  # not in order
        Manifest(7, "rp2", (a, a, c)),
        Manifest(7, "rp2", (a, Part(b.path, 4, 5, b.digest), c)),  # a gap
        Manifest(7, "rp2", (a, Part(b.path, 2, 6, b.digest), c)),  # over another
        Manifest(7, "rp2", (Part(a.path, 0, 0, a.digest), Part(b.path, 0, 8, b.digest), c)),
        Manifest(7, "rp2", (a, Part(b.path, 3, 5, b"short"), c)),
    ):
        raises(RangeError, update.encode, bad)


def test_no_part_lies_outside_the_packages():
    digits = digest(b"x")
    for path in ("main.mpy", "firmware/../x.mpy", "/firmware/a.mpy", "firmware//a.mpy", "firmware/a.py", "a/.mpy",
                 "firmware/" + "a" * 40 + ".mpy", "firmware/A.mpy"):  # fmt: skip
        parts = sorted([(path, digits), ("firmware/main.mpy", digits)])
        listed = tuple([Part(name, i, 1, digits) for i, (name, _) in enumerate(parts)])
        raises(RangeError, update.encode, Manifest(1, "rp2", listed))


def test_the_seal_covers_every_bit():
    plain = update.encode(manifest())
    tag = update.seal(KEY, plain)
    assert len(tag) == 32
    update.check(KEY, plain, tag)
    raises(AuthError, update.check, bytes(32), plain, tag)
    for at in range(0, len(plain), 7):
        flipped = plain[:at] + bytes((plain[at] ^ 1,)) + plain[at + 1 :]
        raises(AuthError, update.check, KEY, flipped, tag)
    for at in range(32):
        raises(AuthError, update.check, KEY, plain, tag[:at] + bytes((tag[at] ^ 0x80,)) + tag[at + 1 :])
    raises(AuthError, update.check, KEY, plain, tag[:8])


def test_the_seal_is_rfc_2104s_over_what_stands_before_it():
    from protocols.checks import hmac_sha256

    plain = update.encode(manifest())
    assert update.seal(KEY, plain) == hmac_sha256(KEY, b"WTU1" + bytes((len(plain) >> 8, len(plain) & 255)) + plain)
    assert update.manifest_bytes(update.head(plain)) == len(plain)
    for front in (b"", b"WTU1\x00", b"WTU2\x00\x10", b"\xff" * 6):
        raises(FrameError, update.manifest_bytes, front)


def test_the_bodies_come_back():
    assert update.encode_ask(7, 0x12345, 200) == b"\x00\x00\x00\x07\x00\x01\x23\x45\xc8"
    assert update.decode_ask(update.encode_ask(0xFFFFFFFF, 9, 1)) == (0xFFFFFFFF, 9, 1)
    assert update.decode_part(update.encode_part(7, 512, b"abc")) == (7, 512, b"abc")
    assert update.decode_part(update.encode_part(7, 512, b"")) == (7, 512, b"")
    for body in (b"", b"12345678", bytes(9), b"1234567890"):
        raises(FrameError, update.decode_ask, body)
    for length in range(8):
        raises(FrameError, update.decode_part, bytes(length))
