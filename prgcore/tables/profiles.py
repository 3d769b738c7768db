"""The high-availability login profiles: how fast clients of a server may log in again.

Law: data only. The upper limit of a profile is the lower limit, always printed as 120 seconds,
and the users divided by the rate, rounded half up (D53). Balanced is what the tables call
active/active. Which users count is D29.
"""

from __future__ import annotations

from prgcore.tables.facts import LoginProfile, Misprint

__all__ = ["ACTIVE_STANDBY", "BALANCED", "LOWER", "MISPRINTS", "PROFILES"]

BALANCED, ACTIVE_STANDBY = "balanced", "active_standby"
_SHIFTED = tuple(range(8_000, 14_000, 1_000))

LOWER = 120
"""Seconds; the lower limit of every profile as printed (D28)."""

PROFILES = (
    LoginProfile(500, BALANCED, 1.5, 250),
    LoginProfile(500, ACTIVE_STANDBY, 1.5, 500),
    LoginProfile(1_000, BALANCED, 3, 500),
    LoginProfile(1_000, ACTIVE_STANDBY, 3, 1_000),
    LoginProfile(2_000, BALANCED, 3, 1_000),
    LoginProfile(2_000, ACTIVE_STANDBY, 3, 2_000),
    LoginProfile(5_000, BALANCED, 6, 2_500),
    LoginProfile(5_000, ACTIVE_STANDBY, 3, 5_000),
    LoginProfile(15_000, BALANCED, 15, 7_500),
    LoginProfile(15_000, ACTIVE_STANDBY, 6, 15_000),
    LoginProfile(25_000, BALANCED, 9, 12_500),
    LoginProfile(25_000, ACTIVE_STANDBY, 8, 25_000, _SHIFTED),
)

_ROW_SHIFT = "the value of the row of {} users: the column has slipped"

MISPRINTS = (
    Misprint(5_000, ACTIVE_STANDBY, 100, 154, 153, "one second more than its rate gives"),
    *(
        Misprint(25_000, ACTIVE_STANDBY, users, printed, meant, _ROW_SHIFT.format(slipped))
        for users, printed, meant, slipped in (
            (8_000, 1_058, 1_120, 7_500),
            (9_000, 1_120, 1_245, 8_000),
            (10_000, 1_245, 1_370, 9_000),
            (11_000, 1_370, 1_495, 10_000),
            (12_000, 1_495, 1_620, 11_000),
            (13_000, 1_620, 1_745, 12_000),
        )
    ),
)
