from binascii import unhexlify

from protocols.checks import crc16, hmac_sha256, same_bytes

# RFC 4231, 4.2 to 4.8: key, data, HMAC-SHA-256 (case 5 prints only the first 16 bytes)
RFC_4231 = (
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        b"\x0c" * 20,
        b"Test With Truncation",
        "a3b6167473100ee06e0c796c2955552bfa6f7c0a6a8aef8b93f860aab0cd20c5",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
)


def test_crc_gives_its_published_check_value():
    assert crc16(b"123456789") == 0x4B37


def test_crc_continues_a_run_at_any_cut():
    data = b"\x01\x03\x00\x00\x00\x02\xc4\x0b"
    for cut in range(len(data) + 1):
        assert crc16(data[cut:], crc16(data[:cut])) == 0  # over a frame and its own CRC


def test_hmac_gives_the_vectors_of_rfc_4231():
    for key, data, digest in RFC_4231:
        assert hmac_sha256(key, data) == unhexlify(digest)


def test_tags_are_the_same_only_when_every_byte_is():
    tag = hmac_sha256(b"k", b"m")[:8]
    assert same_bytes(tag, bytes(tag))
    for i in range(len(tag)):
        other = bytearray(tag)
        other[i] ^= 1
        assert not same_bytes(tag, bytes(other))
    assert not same_bytes(tag, tag[:7])
