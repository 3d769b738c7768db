#!/usr/bin/env bash
# python-statemachine sends an event that is named like a callback of another one.
#
# The guess: `close` and `after_close` are two events of a class. Sending `close` makes the one
# transition of `close`, and `after_close` waits until somebody sends it.
# What really happens: after `close` the machine looks for an attribute `after_close` and calls it.
# An event is an attribute that can be called, so it is sent: one `send` makes two transitions, and
# nothing is raised or logged. The same is true of `before_close`, `on_close`, `on_enter_locked` and
# `on_exit_opened`, and of the general names such as `after_transition`.
# Version: python-statemachine 3.2.2. Source: statemachine/transition.py (_setup) and state.py, which
# add these names as conventions; statemachine/event.py makes an event callable.
# Who is hurt: whoever makes a chart of a table with words of its own. A pair with the events
# `failover` and `after_failover` runs through both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check python-statemachine==3.2.2
cat > door.py <<'PY'
from importlib.metadata import version

from statemachine import State, StateMachine


class Door(StateMachine):
    opened = State(initial=True)
    closed = State()
    locked = State(final=True)
    close = opened.to(closed)
    after_close = closed.to(locked)


class Other(StateMachine):
    opened = State(initial=True)
    closed = State()
    locked = State(final=True)
    close = opened.to(closed)
    lock = closed.to(locked)


print("python-statemachine", version("python-statemachine"))
reached = {}
for kind in (Door, Other):
    door = kind()
    door.send("close")
    (reached[kind.__name__],) = map(str, door.configuration_values)
    print(kind.__name__, "is", reached[kind.__name__], "after close")
assert reached == {"Door": "locked", "Other": "closed"}
PY
venv/bin/python door.py
