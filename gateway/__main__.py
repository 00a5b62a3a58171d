"""`python -m gateway`: serve the HTTP API as SYNCLINE_ settings say."""

from gateway.app import run

if __name__ == "__main__":
    run()
