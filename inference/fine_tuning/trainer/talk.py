"""Between trainer and worker: JSON lines out, words in, an end when nobody is there any more."""

import json
import os
import sys
import threading
import time
from typing import Any, Final

GO, STOP = "go", "stop"
ORPHANED: Final = 1


class Talk:
    """Made first: whatever libraries print afterwards goes to the log, not between the lines."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        self._go = threading.Event()
        self._stop = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, kind: str, **facts: Any) -> None:
        self._out.write(json.dumps({"kind": kind, "at": time.time(), **facts}) + "\n")

    def wait_for_go(self) -> None:
        self._go.wait()

    @property
    def is_to_stop(self) -> bool:
        return self._stop.is_set()

    def _listen(self) -> None:
        for line in sys.stdin:
            if line.strip() == STOP:
                self._stop.set()
            self._go.set()
        os._exit(ORPHANED)
