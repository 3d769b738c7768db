"""The shortest embedding: a pair in a file, heartbeats, a failover carried out."""

from prgcore import PRG
from prgcore.running import Driver
from prgcore.stores import Order, SQLiteStore, heard
from prgcore.timers import Parameters


class Performer:
    def perform(self, order: Order) -> None:  # do it, and return when it is done
        print(f"{order.epoch} {order.do} {order.node}")


driver = Driver(PRG, SQLiteStore("pair.db"), Performer(), parameters=Parameters())
driver.send("enable_ha")
driver.see(heard("node1"))  # node1 got a heartbeat of its peer
driver.see(heard("node2"))
for entry in driver.send("failover(node1)"):
    print(entry.epoch, entry.event, entry.rule or entry.outcome)
columns = driver.read()[0].columns
print(columns["node1.state"], "and", columns["node2.state"])
