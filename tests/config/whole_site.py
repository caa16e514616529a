"""The site under one of the real servers, without a supervisor: `whole_site.py KIND PORT`."""

import sys

from config.asgi import application
from config.draining import Drain


def main(kind: str, port: int) -> None:
    drain = Drain(1)
    if kind == "daphne":
        from config.daphne_server import DaphneServer  # noqa: PLC0415 - installs an event loop

        DaphneServer(application, "127.0.0.1", port, drain=drain, max_body_bytes=100_000).run()
    else:
        from config.uvicorn_server import UvicornServer  # noqa: PLC0415 - one of the two

        UvicornServer(application, "127.0.0.1", port, drain=drain).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
