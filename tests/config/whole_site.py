"""The site under one of the real servers, without a supervisor: `whole_site.py KIND PORT`."""

import sys
import tempfile
from pathlib import Path

from api.body_limits import Limits
from config.asgi import application
from config.draining import Drain


def main(kind: str, port: int) -> None:
    drain = Drain(1)
    if kind == "daphne":
        from config.daphne_server import DaphneServer  # noqa: PLC0415 - installs an event loop

        limits, incoming = Limits(usual=100_000), Path(tempfile.gettempdir())
        DaphneServer(
            application, "127.0.0.1", port, drain=drain, limits=limits, incoming=incoming
        ).run()
    else:
        from config.uvicorn_server import UvicornServer  # noqa: PLC0415 - one of the two

        UvicornServer(application, "127.0.0.1", port, drain=drain).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
