"""What the ledger counts for operators."""

from prometheus_client import Counter, Gauge

DRIFT = Gauge("ledger_drift", "Nano-dollars by which the book contradicts itself; zero is health.")
FORGIVEN = Gauge("ledger_forgiven_nano", "Nano-dollars of late charges that no balance covered.")
HOLDS_LOST = Counter("ledger_holds_lost", "Calls whose hold a crashed database forgot: free.")
SWEPT = Counter("ledger_holds_swept", "Holds closed because their process stopped renewing them.")
