"""`python -m simulators`: run the stand-in systems until stopped. Secrets come from the environment, by name."""

import argparse
import os

from schemas.settings import MASTER_SECRET, SIM_TOKEN
from simulators.app import SimConfig, build_server
from telemetry.logging import configure


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="simulators", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same faults, paces and carriers")
    parser.add_argument("--gateway-url", required=True)
    parser.add_argument("--master-secret-env", default=MASTER_SECRET, metavar="NAME")
    parser.add_argument("--token-env", default=SIM_TOKEN, metavar="NAME")
    parser.add_argument("--pace-s", type=float, default=0.05, help="mean seconds between milestones of a shipment")
    options = parser.parse_args()
    configure("warning", "auto")
    missing = [name for name in (options.master_secret_env, options.token_env) if not os.environ.get(name)]
    if missing:
        parser.error(f"not set in the environment: {', '.join(missing)}")
    config = SimConfig(
        seed=options.seed,
        gateway_url=options.gateway_url,
        master_secret=os.environ[options.master_secret_env],
        token=os.environ[options.token_env],
        pace_s=options.pace_s,
    )
    build_server(config, options.port, options.host).run()


if __name__ == "__main__":
    main()
