"""The pace on a clock moved by hand: own time runs at `rate` parts per million of the truth."""

from firmware.pace import Pace

UNIX_MS = 1_700_000_000_000


class Own:
    def __init__(self, ppm, pace=None):
        self.true_ms = 0
        self._own_ms = 0
        self.ppm = ppm
        self.pace = Pace(self.now_ms)

    def now_ms(self):
        return self._own_ms // 1_000_000

    def go(self, true_ms):
        self.true_ms += true_ms
        self._own_ms += true_ms * (1_000_000 + self.ppm)

    def hears(self, off_ms=0):
        return self.pace.heard(self.pace.now_ms(), UNIX_MS + self.true_ms + off_ms)

    def error_ms(self):
        """How far the date of now is off."""
        return self.pace.date(self.pace.now_ms()) - UNIX_MS - self.true_ms


def test_a_rate_is_learned_from_two_reports_and_sleeps_become_right():
    for ppm in (-50_000, -300, 0, 20, 50_000, 90_000):
        own = Own(ppm)
        own.hears()
        own.go(900_000)
        own.hears()
        own.go(900_000)
        assert abs(own.error_ms()) <= 2, ppm
        span_ms = own.pace.own_span(900_000)
        assert abs(span_ms - 900_000 * (1_000_000 + ppm) // 1_000_000) <= 2


def test_time_never_goes_back_whatever_is_heard():
    own = Own(50_000)
    last_ms = 0
    for step in range(400):
        own.go(37_000 + 11 * step)
        if step % 3 == 0:
            own.hears((step * 7919) % 3000 - 1500)
        if step % 50 == 0:
            own.hears(step * 100_000)
        now_ms = own.pace.now_ms()
        assert now_ms >= last_ms
        last_ms = now_ms


def test_a_rate_is_clamped():
    for ppm in (-180_000, 180_000):
        own = Own(ppm)
        for _ in range(5):
            own.hears()
            own.go(900_000)
        span_ms = own.pace.own_span(900_000)
        assert 810_000 <= span_ms <= 1_000_001
    for ppm, true_ms, span_ms in ((133_000, 60_000, 1_000_000), (-116_000, 67_900, 818_182)):  # 0.88 and 1.13
        own = Own(ppm)
        own.hears()
        own.go(true_ms)
        own.hears()
        assert own.pace.own_span(900_000) == span_ms


def test_what_was_read_between_two_reports_is_dated_on_the_line_between_them():
    own = Own(50_000)
    own.hears()
    made = []
    for _ in range(10):
        own.go(90_000)
        made.append((own.pace.now_ms(), UNIX_MS + own.true_ms))
    own.hears()
    for now_ms, unix_ms in made:
        assert abs(own.pace.date(now_ms) - unix_ms) <= 2


def test_what_was_read_before_the_first_report_is_dated_backwards():
    own = Own(0)
    own.go(5000)
    own.hears()
    assert own.pace.date(1000) == UNIX_MS + 1000


def test_a_step_of_the_gateways_clock_is_no_rate():
    own = Own(0)
    own.hears()
    own.go(900_000)
    own.hears()
    own.go(900_000)
    own.hears(8 * 3_600_000)
    assert own.pace.own_span(1_000_000) == 1_000_000
    own.go(1000)
    assert own.error_ms() == 8 * 3_600_000


def test_a_clock_is_doubted_until_it_is_learned_after_an_error_and_always_when_it_is_no_crystal():
    own = Own(20)
    assert own.pace.is_unsure
    own.hears()
    assert not own.pace.is_unsure  # just set
    own.go(900_000)
    assert own.pace.is_unsure
    own.hears()
    own.go(900_000)
    assert not own.pace.is_unsure
    own.hears(700)
    assert own.pace.is_unsure
    loose = Own(50_000)
    for _ in range(4):
        loose.hears()
        loose.go(900_000)
    assert loose.pace.is_unsure


def test_a_clock_with_a_battery_is_believed_from_the_start():
    pace = Pace(lambda: 5, UNIX_MS)
    assert not pace.is_unsure and pace.date(5) == UNIX_MS and pace.clock_ms == UNIX_MS - 5
