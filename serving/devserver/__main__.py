"""A local server that answers as TF Serving's tensorflow_model_server does.

    python -m serving.devserver --rest_api_port=8501 --model_base_path=models/mclrec

For demonstrations, for tests, and to try a model or a configuration; TF Serving serves in
production. Flags of tensorflow_model_server that are not below are unknown here: batching, TLS,
threads and retries are TF Serving's. Metrics for Prometheus are always at the REST port.

It serves the newest version under the base path and looks for newer ones. On purpose it differs
from TF Serving in four things: it is reachable from this machine alone unless --host says
otherwise; it stops at once when there is no version that can be loaded; it goes on serving a
version whose folder has vanished as long as no other takes its place; and with --request_log it
logs requests, for which TF Serving's own program has no collector.
"""

import logging
import sys

from serving.command_line import server_packages

with server_packages():
    import uvloop

    from serving.devserver.configuration.flags import parse_flags
    from serving.errors import ServingError
    from serving.tensorflow_log import load_tensorflow_quietly


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit status of the process."""
    options = parse_flags(arguments, description=__doc__)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("serving").setLevel(logging.INFO)
    with server_packages():
        load_tensorflow_quietly()
        from serving.devserver.serve import serve

    try:
        uvloop.run(serve(options))
    except (OSError, ServingError, ValueError) as error:
        print(f"Failed to start server. Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
