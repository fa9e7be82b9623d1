"""Knows how a gateway gets another site file, and that one on trial has its minutes; knows no site file's content."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from gateway.control.desk import NotNow
from gateway.site.configuration import Configuration, Refusal
from gateway.store import Store

log = logging.getLogger(__name__)
_AGAIN_S = 60.0  # a disk that refuses the last good site file is asked again so often; ours


class Changing:
    """`start_again` ends the gateway, for one with the site file as it is by then."""

    def __init__(self, configuration: Configuration, store: Store, start_again: Callable[[], None]) -> None:
        self._configuration = configuration
        self._store = store
        self._start_again = start_again

    @property
    def is_on_trial(self) -> bool:
        return self._configuration.trial is not None

    def reload(self) -> None:
        """Takes over the site file as it is by now. Refusal: it is not sound; this one goes on."""
        try:
            self._configuration.check()
        except Refusal as error:
            log.error("the site file is not taken over:\n%s", error)
            self._store.event("configuration_refused", {"reason": str(error)})
            raise
        self._start_again()

    def ask_to_reload(self) -> None:
        """The same as a command."""
        try:
            self.reload()
        except Refusal as error:
            raise NotNow(str(error)) from None

    def propose(self, text: str, minutes: int) -> None:
        """A site file from afar. NotNow: it is not sound."""
        try:
            self._configuration.propose(text, minutes)
        except Refusal as error:
            raise NotNow(str(error)) from None
        self._start_again()

    def connected(self) -> None:
        """An uplink is: what is on trial has stood it."""
        if self.is_on_trial:
            self._configuration.confirm()
            self.tell()

    def tell(self) -> None:
        """What has become of a trial is on record."""
        said = self._configuration.said
        try:
            while said:
                self._store.event(*said[0])
                del said[0]
        except sqlite3.Error as error:  # it is told later
            log.warning("what became of a trial is not on record yet: %s", error)

    async def return_in_time(self) -> None:
        """Without an uplink by then the last good one comes back."""
        assert self._configuration.trial is not None
        await asyncio.sleep(self._configuration.trial.minutes * 60)
        while self.is_on_trial:
            try:
                self._configuration.give_up("no uplink")
            except OSError as error:  # a disk that is full or gone may have room again
                log.error("the last good site file can't be put back yet: %s", error)
                await asyncio.sleep(_AGAIN_S)
                continue
            self.tell()
            self._start_again()
