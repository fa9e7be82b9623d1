"""The slice, kept twice: what is loaded whatever happens to one copy. Power cuts: test_power_cuts.py."""

from firmware import settings
from firmware.config import ConfigError
from hw_sim.guest.cut_flash import CutFlash, Dice
from protocols.errors import RangeError
from tests.firmware.doubles import RamFlash, raises

HALF = 2 * 512  # of RamFlash(4)


def test_what_was_stored_last_is_loaded():
    flash = RamFlash(4)
    for data in (b"a slice", bytes(range(256)) * 3, b"short"):
        settings.store(flash, data)
        assert settings.load(flash) == data
        assert flash.data.count(data) == 2


def test_a_region_of_one_sector_for_each_copy_is_enough_and_more_than_fits_is_refused():
    flash = RamFlash(2)
    assert settings.most_bytes(flash) == 512 - 44 and settings.most_bytes(RamFlash(5)) == HALF - 44
    settings.store(flash, b"x" * 468)
    assert settings.load(flash) == b"x" * 468
    for data in (b"y" * 469, b""):
        raises(RangeError, settings.store, flash, data)
    assert settings.load(flash) == b"x" * 468


def test_without_a_whole_copy_the_error_says_what_to_do():
    flash = RamFlash(4)
    assert "provision" in str(raises(ConfigError, settings.load, flash))
    settings.store(flash, b"a slice")
    for at in (44, HALF + 44):
        flash.data[at] ^= 1
    assert "provision" in str(raises(ConfigError, settings.load, flash))
    settings.store(flash, b"again")
    assert settings.load(flash) == b"again"


def test_one_byte_of_rot_anywhere_is_healed_from_the_other_copy_but_only_when_allowed():
    whole = RamFlash(4)
    settings.store(whole, b"old")
    settings.store(whole, bytes(range(200)))
    for at in range(0, 4 * 512, 7):
        flash = whole.copy()
        flash.data[at] ^= 0x20
        touched = at % HALF < 44 + 200
        assert settings.load(flash) == bytes(range(200))
        assert flash.programs == 0 and flash.erases == [0] * 4
        assert settings.mend(flash, settings.load(flash)) == "" and settings.load(flash) == bytes(range(200))
        assert (flash.programs > 0) == touched
        if touched:
            assert flash.data[at] == whole.data[at]


def test_rot_of_up_to_eight_bits_gives_the_settings_or_the_error_and_nothing_else():
    whole = CutFlash(4, 512)
    settings.store(whole, bytes(range(250)) * 3)
    errors = 0
    for seed in range(150):
        dice = Dice(seed)
        flash = whole.copy()
        for _ in range(1 + dice.below(8)):
            flash.flip(dice.below(4 * 512 * 8))
        try:
            assert settings.load(flash) == bytes(range(250)) * 3
        except ConfigError:
            errors += 1
    assert 0 < errors < 150


def test_flash_that_is_worn_out_and_a_file_too_long_stop_no_node():
    class Worn(RamFlash):
        def erase(self, sector):
            raise OSError("worn out")

    assert settings.mend(Worn(4), b"a slice") == "worn out"
    assert "9999" in settings.mend(RamFlash(4), bytes(9999))


def test_storing_the_same_again_wears_nothing_but_mends():
    flash = RamFlash(4)
    settings.store(flash, b"a slice")
    programs = flash.programs
    settings.store(flash, b"a slice")
    assert flash.programs == programs and flash.erases == [1, 0, 1, 0]
    flash.data[50] ^= 1
    settings.store(flash, b"a slice")
    assert flash.erases == [2, 0, 1, 0] and flash.data.count(b"a slice") == 2


def test_of_two_whole_copies_the_newer_one_counts_and_an_update_begins_with_the_older():
    flash = RamFlash(4)
    settings.store(flash, b"first")
    first = bytes(flash.data[HALF : 2 * HALF])
    settings.store(flash, b"second")
    for at in (0, HALF):  # as if the power had been cut between the two copies
        torn = flash.copy()
        torn.data[at : at + HALF] = first
        assert settings.load(torn) == b"second"
        erased = torn.copy()
        settings.store(torn, b"third")
        assert settings.load(torn) == b"third"
        settings.mend(erased, settings.load(erased))
        assert settings.load(erased) == b"second" and erased.data.count(b"second") == 2


def test_flash_that_does_not_keep_them_is_told():
    class Dead(CutFlash):
        def write(self, offset, data):
            pass

    raises(OSError, settings.store, Dead(4, 512), b"a slice")
