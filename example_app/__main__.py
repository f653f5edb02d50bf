"""Open the shop: `python -m example_app --port 8000`."""

import argparse
import contextlib
import sys
from pathlib import Path

import uvicorn

from example_app.app import ANALYTICS_JS, create_app
from example_app.secret import secret_key
from segment_identity import ConfigurationError


def main() -> None:
    """Serve until told to stop, then deliver every event that still waits."""
    arguments = _arguments()
    try:
        key = secret_key(arguments.database)
        app = create_app(arguments.database, key, arguments.analytics_js)
    except (OSError, ConfigurationError) as error:
        sys.exit(f"The shop cannot open: {error}")
    config = uvicorn.Config(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    # Open before the address is printed: port 0 means whichever is free, and whoever reads the
    # address may come at once.
    socket = config.bind_socket()
    socket.listen(config.backlog)
    host, port = socket.getsockname()[:2]
    if not app.state.has_analytics_js:
        print(
            "Analytics.js is not installed (npm brings it), so the shop runs on the server alone."
        )
    print(f"The shop is open at http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[socket])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m example_app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 picks a free one")
    parser.add_argument("--database", type=Path, default=Path("shop.db"), help="an SQLite file")
    parser.add_argument(
        "--analytics-js",
        type=Path,
        default=ANALYTICS_JS,
        metavar="FOLDER",
        help="where its bundle is, if not where `make demo` puts it",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
