"""Tryton 8.2 from PyPI, on SQLite: a company with one warehouse, a customer, an item with stock, and a key for us.

Facts of trytond 8.2 that this keeps to: the database file is there before `trytond-admin` runs; the server is started
with the database's name, or its models are not loaded; a password that is set later, without `-u`, takes the
administrator's rights away; REST needs a `res.user.application` of the application `rest`.
"""

import os
import secrets
import shutil
import subprocess
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx

from tests.interop.systems.protocol import FOLDER, StartedSystem, ended, free_port, progress, venv_with

MODULES = ("sale",)
"""With the modules that it needs: stock, party, product, account."""
RELEASE = ">=8.2,<8.3"
DATABASE = "erp"
STOCK = 5_000.0
"""Packs of the item: more than all orders of a run ask for."""
START_S = 60.0
"""It listens after some seconds; on a busy machine after ten times as many."""


class TrytonRefused(Exception):
    """Tryton answered a call of JSON-RPC with an error, as it does with HTTP 200."""


class TrytonRpc:
    """Tryton as its own desktop client speaks to it. Evidence: it does not share a line with the connector."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120.0, trust_env=False)
        self._context: dict[str, Any] = {}

    def login(self, user: str, password: str) -> int:
        """Log in; returns the user's id."""
        id, session, *_ = self.call("common.db.login", user, {"password": password}, "en")
        ticket = b64encode(f"{user}:{id}:{session}".encode()).decode()
        self._http.headers["Authorization"] = f"Session {ticket}"
        self.take_preferences()
        return int(id)

    def take_preferences(self) -> None:
        """Take over the user's context, such as the company."""
        self._context = self.call("model.res.user.get_preferences", True, {})

    def call(self, method: str, *params: Any) -> Any:
        """Any call. Raises TrytonRefused."""
        answer = self._http.post(f"/{DATABASE}/rpc/", json={"id": 1, "method": method, "params": list(params)}).json()
        if "error" in answer:
            raise TrytonRefused(f"{method}: {answer['error'][:2]}")
        return answer["result"]

    def model(self, model: str, method: str, *params: Any) -> Any:
        """A method of a model."""
        return self.call(f"model.{model}.{method}", *params, self._context)

    def create(self, model: str, **values: Any) -> int:
        """Create a record; returns its id."""
        return int(self.model(model, "create", [values])[0])

    def search(self, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
        """The records of a domain."""
        found: list[dict[str, Any]] = self.model(model, "search_read", domain, 0, None, None, ["id", *fields])
        return found

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class RealTryton:
    """See RealSystem."""

    name = "tryton"

    def __init__(self, folder: Path = FOLDER / "tryton") -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.rpc: TrytonRpc | None = None

    def install(self) -> None:
        """See RealSystem: packages, and a fresh database that each start copies."""
        packages = [f"trytond{RELEASE}", *(f"trytond-{it.replace('_', '-')}{RELEASE}" for it in MODULES)]
        programs, base = venv_with(self.folder, packages, self.name), self._base()
        if base.is_file():
            return
        progress(self.name, "making a database")
        began, data = time.monotonic(), self._fresh_data()
        (data / f"{DATABASE}.sqlite").touch()
        self._configure(data, 0)
        password = self.folder / "password"
        password.touch(0o600)
        password.write_text(f"{secrets.token_urlsafe(16)}\n")
        admin = [f"{programs / 'trytond-admin'}", *self._configuration(), "-u", *MODULES]
        environment = {**os.environ, "TRYTONPASSFILE": str(self.folder / "password")}
        with (self.folder / "admin.log").open("wb") as log:
            said = ["--activate-dependencies", "--email", "interop@example.com", "-p"]
            subprocess.run([*admin, *said], check=True, env=environment, stdout=log, stderr=log)
        shutil.copy(data / f"{DATABASE}.sqlite", base)
        progress(self.name, f"made in {time.monotonic() - began:.0f} s")

    def start(self) -> StartedSystem:
        """See RealSystem."""
        data, port = self._fresh_data(), free_port()
        shutil.copy(self._base(), data / f"{DATABASE}.sqlite")
        self._configure(data, port)
        programs, url = self.folder / "venv" / "bin", f"http://127.0.0.1:{port}"
        server = [f"{programs / 'trytond'}", *self._configuration()]
        with (self.folder / "trytond.log").open("wb") as log:
            self._process = subprocess.Popen(server, stdout=log, stderr=log)
        self.rpc = self._logged_in(url, (self.folder / "password").read_text().strip())
        said = subprocess.run([programs / "trytond", "--version"], check=True, capture_output=True, text=True)
        version = said.stdout.split()[-1]
        key, ids = _set_up(self.rpc)
        progress(self.name, f"{version} listens on {url}")
        return StartedSystem(f"{url}/{DATABASE}", version, {"key": key}, ids)

    def stop(self) -> None:
        """See RealSystem."""
        if self.rpc is not None:
            self.rpc.close()
        if self._process is not None:
            ended(self._process)
            self._process = None

    def _base(self) -> Path:
        return self.folder / f"base-{'-'.join(MODULES)}.sqlite"

    def _configuration(self) -> list[str]:
        return ["-c", f"{self.folder / 'trytond.conf'}", "-d", DATABASE]

    def _fresh_data(self) -> Path:
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        return data

    def _configure(self, data: Path, port: int) -> None:
        said = f"[database]\nuri = sqlite:///\npath = {data}\n[web]\nlisten = 127.0.0.1:{port}\n"
        (self.folder / "trytond.conf").write_text(said)

    def _logged_in(self, url: str, password: str) -> TrytonRpc:
        until, rpc = time.monotonic() + START_S, TrytonRpc(url)
        while True:
            try:
                rpc.login("admin", password)
            except (httpx.TransportError, ValueError, TrytonRefused):
                if time.monotonic() > until or (self._process and self._process.poll() is not None):
                    self.stop()
                    raise
                time.sleep(0.2)
            else:
                return rpc


def _decimal(value: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": value}


def _set_up(rpc: TrytonRpc) -> tuple[str, dict[str, Any]]:
    """Everything that an order needs; returns our key, and ids."""
    rates = [["create", [{"date": {"__class__": "date", "year": 2020, "month": 1, "day": 1}, "rate": _decimal("1")}]]]
    euro = rpc.create("currency.currency", name="Euro", code="EUR", symbol="€", digits=2, rates=rates)
    party = rpc.create("party.party", name="Interop Ltd")
    session, *_ = rpc.call("wizard.company.company.config.create", {})
    company = {"company": {"party": party, "currency": euro, "timezone": "UTC"}}
    for state, data in (("company", {}), ("add", company)):
        rpc.call("wizard.company.company.config.execute", session, data, state, {})
    rpc.take_preferences()
    [unit] = rpc.search("product.uom", [["symbol", "=", "u"]])
    sold = {"salable": True, "sale_uom": unit["id"], "list_price": _decimal("100")}
    template = rpc.create(
        "product.template",
        **{"name": "Pallet jack", "type": "goods", "default_uom": unit["id"], **sold},
        products=[["create", [{"suffix_code": "SKU-1"}]]],
    )
    [product] = rpc.search("product.product", [["template", "=", template]])
    at = [["create", [{"street": "Rue 2", "city": "Liège"}]]]
    customer = rpc.create("party.party", name="Customer One", code="C-001", addresses=at)
    [address] = rpc.search("party.address", [["party", "=", customer]])
    zones = {it["code"]: it["id"] for it in rpc.search("stock.location", [["code", "in", ["WH", "STO"]]], "code")}
    counted = [["create", [{"product": product["id"], "quantity": STOCK}]]]
    inventory = rpc.create("stock.inventory", location=zones["STO"], empty_quantity="keep", lines=counted)
    rpc.model("stock.inventory", "confirm", [inventory])
    [user] = rpc.search("res.user", [["login", "=", "admin"]])
    application = rpc.create("res.user.application", user=user["id"], application="rest")
    [row] = rpc.model("res.user.application", "read", [application], ["key", "state"])
    if row["state"] != "validated":
        rpc.model("res.user.application", "validate_", [application])
    ids = {"product": product["id"], "unit": unit["id"], "customer": customer, "address": address["id"]}
    return row["key"], {**ids, "warehouse": zones["WH"], "currency": euro}
