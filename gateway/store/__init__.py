"""One station's readings, events and positions on disk: the only queue there is."""

from gateway.store.all_series import Series as Series
from gateway.store.blocks import Day as Day
from gateway.store.file import StoreError as StoreError
from gateway.store.rows import Cell as Cell
from gateway.store.rows import Row as Row
from gateway.store.store import Store as Store
