"""Knows how a visit's failure is told: what happened, what to do now; knows no board and no bus."""

from gateway.messages import Phrase, say


class VisitFailed(Exception):
    """The command can't go on. `what` happened; `advice`: what the technician does next."""

    def __init__(self, what: Phrase, advice: Phrase) -> None:
        super().__init__(what.key)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return self.text()

    def text(self, lang: str | None = None) -> str:
        return say("visit.failed", lang, what=self.what.text(lang), advice=self.advice.text(lang))
