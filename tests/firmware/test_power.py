from firmware.config import Battery
from firmware.power import LOOK_MS, NORMAL, SAVING, STANDBY, SURVIVAL, Supply
from tests.firmware.doubles import Clock, DeskBoard, RamFlash, run

STEPS = ((12920, 13040), (12640, 12920), (12200, 12640))
COLD = ((13040, 13160), (12920, 13040), (12200, 12640))


def supply(charge_dc=0, mv=13_300, dc=200):
    board = DeskBoard(Clock(), RamFlash(), b"", None, {})
    board.mv, board.dc = mv, dc
    return board, Supply(board, Battery(STEPS, COLD, 0, charge_dc))


def tiers(board, found, *millivolts):
    seen = []
    for board.mv in millivolts:
        seen.append(found.look())
    return seen


def test_tiers_go_down_at_one_voltage_and_up_at_another():
    board, found = supply()
    assert tiers(board, found, 13_300, 12_920, 12_919, 13_039, 13_040) == [NORMAL, NORMAL, SAVING, SAVING, NORMAL]
    assert tiers(board, found, 12_639, 12_919, 12_920, 12_100) == [SURVIVAL, SURVIVAL, SAVING, STANDBY]
    assert tiers(board, found, 12_639, 12_640, 13_300) == [STANDBY, SURVIVAL, NORMAL]


def test_in_the_cold_a_node_saves_earlier():
    board, found = supply(mv=13_300)
    assert tiers(board, found, 13_300, 13_000) == [NORMAL, NORMAL]
    board.dc = -10
    assert found.look() == SAVING
    board.dc = 10  # not yet warm: two degrees
    assert found.look() == SAVING
    board.dc, board.mv = 20, 13_050  # enough where it is warm
    assert found.look() == NORMAL


def test_lithium_is_not_charged_below_its_limit_and_not_without_a_temperature():
    board, found = supply()
    for board.dc in (200, 0, -1, 10, 19, 20, 5, None, 10, 20):
        found.look()
    assert board.charges == [True, True, False, False, False, True, True, False, True, True]


def test_lead_acid_may_be_charged_without_a_temperature_and_a_primary_cell_never():
    for charge_dc, allowed in ((-200, True), (None, False)):
        board, found = supply(charge_dc, dc=None)
        found.look()
        assert board.charges == [allowed]


def test_a_board_that_measures_no_battery_saves_nothing():
    _, found = supply(mv=None)
    assert found.look() == NORMAL


def test_nothing_happens_until_the_voltage_is_safe():
    board, found = supply(mv=12_500)
    looks = []

    def measured():
        looks.append(board.clock.ms)
        return 12_500 if len(looks) < 4 else 12_700

    board.battery_mv = measured
    run(found.until_safe())
    assert looks == [0, LOOK_MS, 2 * LOOK_MS, 3 * LOOK_MS]
