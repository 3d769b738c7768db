"""Stores: what is kept of a running pair, and where. A new store is one file here.

Law: a store compares and sets, and decides nothing. The record is a value. No store knows a rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.stores.etcd import EtcdArbiter, EtcdStore
    from prgcore.stores.keeping import settle
    from prgcore.stores.ports import (
        Arbiter,
        Clock,
        Fence,
        Kept,
        Observation,
        Performer,
        Store,
        SystemClock,
        heard,
        host_lost,
        told,
    )
    from prgcore.stores.record import Entry, Order, Record
    from prgcore.stores.sqlite import SQLiteArbiter, SQLiteStore

__all__ = [
    "Arbiter", "Clock", "Entry", "EtcdArbiter", "EtcdStore", "Fence", "Kept", "Observation",
    "Order", "Performer", "Record", "SQLiteArbiter", "SQLiteStore", "Store", "SystemClock",
    "heard", "host_lost", "settle", "told",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "etcd": ("EtcdArbiter", "EtcdStore"),
        "keeping": ("settle",),
        "ports": (
            "Arbiter", "Clock", "Fence", "Kept", "Observation", "Performer", "Store",
            "SystemClock", "heard", "host_lost", "told",
        ),
        "record": ("Entry", "Order", "Record"),
        "sqlite": ("SQLiteArbiter", "SQLiteStore"),
    })
