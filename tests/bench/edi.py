"""EDI: how fast documents are read with checks and written, in how much memory, beside other parsers of the same run.

Each measurement is a process of its own, so that its memory is its own, and is judged by the CPU time of that process:
others share the cores. Each message of a file differs in ids, times and places. `python -m tests.bench.edi` runs it
alone.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from formats.edi.message import EdiMessage
from formats.edi.parts import PartyId
from formats.edi.writing import MessageDraft, rows_of
from formats.edifact.writer import EdifactHeader, EdifactWriter
from formats.reading import edi_reader
from formats.x12.writer import X12Group, X12Header, X12Writer

SIZES_MB = (1, 8, 64, 500)
"""The file that is read grows so far; its speed must not depend on it."""
TIMED_MB = 64
"""Size of the files by which the formats are compared."""
WRITTEN = 20_000
"""Messages that are written: made before, so that only writing is measured."""
PEER_MESSAGES = 4_000
"""Messages that other parsers read: some seconds of the slowest."""
PEERS = {"pydifact": "pydifact", "pyx12": "pyx12"}
"""Packages that still import: `badx12` and `linuxforhealth-x12` do not under the current Python and pydantic."""
CITIES = (
    *(("CHICAGO", "IL", "USCHI"), ("DALLAS", "TX", "USDAL"), ("AUSTIN", "TX", "USAUS"), ("NEWARK", "NJ", "USEWR")),
    *(("SAVANNAH", "GA", "USSAV"), ("RENO", "NV", "USRNO"), ("HAMBURG", "HH", "DEHAM"), ("ANTWERPEN", "VA", "BEANR")),
)
NORTH, SYNCLINE = PartyId("NORTHLOG", "ZZ"), PartyId("SYNCLINE", "ZZ")


def shipment_status(at: int, source: random.Random) -> bytes:
    """A 214 of seventeen segments."""
    number, (home, state, _), (there, land, _) = source.randrange, source.choice(CITIES), source.choice(CITIES)
    here, region, _ = source.choice(CITIES)
    code = source.choice(("X1", "X3", "AF", "D1", "X6"))
    return (
        f"ST*214*{at:09}~B10*{number(10**10):010}*SHP{number(10**9):09}*NRTH~L11*{number(10**8):08}*PO~"
        f"L11*{number(10**12):012}*BM~N1*SH*NORTH WAREHOUSE {number(99)}*93*{number(10**6):06}~"
        f"N3*{number(9999)} MAIN STREET~"
        f"N4*{home}*{state}*{number(10**5):05}*US~N1*CN*CUSTOMER {number(9999)}*93*{number(10**6):06}~"
        f"N3*{number(9999)} ELM AVENUE~N4*{there}*{land}*{number(10**5):05}*US~LX*1~"
        f"AT7*{code}*NS***202611{number(1, 31):02}*{number(24):02}{number(60):02}*LT~MS1*{here}*{region}*US~"
        f"MS2*NRTH*{number(10**6):06}~L11*{number(1, 9)}*QN~AT8*G*L*{number(10**4)}*{number(100)}~SE*17*{at:09}~"
    ).encode()


def transport_status(at: int, source: random.Random) -> bytes:
    """An IFTSTA of fifteen segments."""
    number, (home, _, _), (there, _, code) = source.randrange, source.choice(CITIES), source.choice(CITIES)
    moment = f"202611{number(1, 31):02}{number(24):02}{number(60):02}"
    return (
        f"UNH+{at}+IFTSTA:D:01B:UN'BGM+23+ST{number(10**9):09}+9'DTM+137:{moment}:203'"
        f"NAD+CA+NRTH::92++NORTH LOGISTICS+HAFENSTRASSE {number(99)}+{home}++{number(10**5):05}+DE'"
        f"NAD+CN+{number(10**13):013}::9'RFF+BM:{number(10**12):012}'RFF+ON:{number(10**10):010}'"
        f"CNI+1+SHP{number(10**9):09}'STS+1+{source.choice((21, 24, 31, 1, 48))}'RFF+CN:{number(10**12):012}'"
        f"DTM+334:{moment}:203'LOC+175+{code}:139:6:{there}'TDT+20+{number(10**6):06}+3+31+NRTH:172:20:NORTH LOGISTICS'"
        f"EQD+CN+TRHU{number(10**7):07}+45G1:102:5'UNT+15+{at}'"
    ).encode()


FORMATS: dict[str, tuple[bytes, Callable[[int, random.Random], bytes], str]] = {
    "x12": (
        b"ISA*00*          *00*          *ZZ*NORTHLOG       *ZZ*SYNCLINE       *261130*1200*U*00401*000000001*0*P*>~"
        b"GS*QM*NORTHLOG*SYNCLINE*20261130*1200*1*X*004010~",
        shipment_status,
        "GE*{count}*1~IEA*1*000000001~",
    ),
    "edifact": (b"UNB+UNOC:3+NORTHLOG:ZZ+SYNCLINE:ZZ+261130:1200+1'", transport_status, "UNZ+{count}+1'"),
}


def make_file(path: Path, form: str, size_mb: float) -> None:
    """An interchange of about so many megabytes."""
    head, one, tail = FORMATS[form]
    source, at, left = random.Random(15), 0, int(size_mb * 1e6)
    with path.open("wb") as file:
        file.write(head)
        while left > 0:
            at += 1
            message = one(at, source)
            left -= len(message)
            file.write(message)
        file.write(tail.format(count=at).encode())


def chunks(path: Path) -> Iterator[bytes]:
    """A file as it would come over a line."""
    with path.open("rb") as file:
        while chunk := file.read(1 << 16):
            yield chunk


def read(path: Path, shortcut: bool, elements: bool) -> tuple[int, int]:
    """(messages, findings) of a file."""
    messages = findings = 0
    for part in edi_reader(fast=shortcut).read(chunks(path)):
        findings += len(part.findings)
        if isinstance(part, EdiMessage):
            messages += 1
            if elements:
                for segment in part.segments:
                    _ = segment.elements
    return messages, findings


def peak_mb() -> float:
    """The most memory of this program, in MB. `getrusage` would say that of the process from which it was begun."""
    [line] = [it for it in Path("/proc/self/status").read_text().splitlines() if it.startswith("VmHWM:")]
    return round(int(line.split()[1]) / 1024, 1)


def timed(work: Callable[[], int], size: int) -> dict[str, float]:
    """Speed of a piece of work by the CPU time of this process, and its memory."""
    wall, began = time.perf_counter(), time.process_time()
    messages = work()
    spent, passed = time.process_time() - began, time.perf_counter() - wall
    return {
        "mb_per_s": round(size / spent / 1e6, 1),
        "messages_per_s": round(messages / spent),
        "wall_mb_per_s": round(size / passed / 1e6, 1),
        "rss_mb": peak_mb(),
    }


def task(name: str, path: Path) -> dict[str, float]:
    """One measurement, in this process."""
    if name in PEERS:
        return timed(lambda: peer(name, path), path.stat().st_size)
    if name.startswith("write"):
        return written(path, name == "write_unjudged")
    shortcut, elements = name != "read_by_segments", name == "read_elements"

    def work() -> int:
        messages, findings = read(path, shortcut, elements)
        assert not findings, "the bench file is clean"
        return messages

    return timed(work, path.stat().st_size)


def written(path: Path, unjudged: bool) -> dict[str, float]:
    """Writing what was read from a file."""
    messages = [part for part in edi_reader().read(path.read_bytes()) if isinstance(part, EdiMessage)][:WRITTEN]
    drafts = [MessageDraft(one.type, one.reference, rows_of(one)) for one in messages]
    sizes = list[int]()

    def work() -> int:
        if messages[0].kind == "214":
            group = X12Group("NORTHLOG", "SYNCLINE", 1, "20261130", "1200", "004010", drafts)
            header = X12Header(NORTH, SYNCLINE, 1, "261130", "1200")
            sizes.extend(map(len, X12Writer(judge=not unjudged).interchange(header, [group])))
        else:
            header_ = EdifactHeader(NORTH, SYNCLINE, "1", "261130", "1200")
            sizes.extend(map(len, EdifactWriter(judge=not unjudged).interchange(header_, drafts)))
        return len(drafts)

    found = timed(work, 1)
    share = sum(sizes) / 1e6
    del found["wall_mb_per_s"]  # it was not known before how much is written
    return {**found, "mb_per_s": round(share * found["messages_per_s"] / len(drafts), 1)}


def peer(name: str, path: Path) -> int:
    """Messages that another parser reads from a file of ours."""
    text = path.read_text("latin-1")
    if name == "pydifact":
        from pydifact.segmentcollection import Interchange  # type: ignore[import-not-found]

        return sum(1 for _ in Interchange.from_str(text).get_messages())
    import io

    from pyx12.x12file import X12Reader  # type: ignore[import-not-found]

    return sum(one.get_seg_id() == "SE" for one in X12Reader(io.StringIO(text)))


def apart(name: str, path: Path, packages: Path | None = None) -> dict[str, float] | None:
    """One measurement in a process of its own; None when it cannot be made."""
    paths = [str(Path(__file__).parents[2]), *([str(packages)] if packages else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tests.bench.edi", "--task", name, "--file", str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"edi {name}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(done.stdout)
    return found


def peers(folder: Path) -> dict[str, dict[str, float]]:
    """Other parsers, installed for this run alone. Without a package registry there are none."""
    found = {}
    for name, package in PEERS.items():
        home = folder / name
        uv = Path(sys.executable).with_name("uv")
        command = [str(uv), "pip", "install", "--quiet", "--target", str(home), "--python", sys.executable, package]
        subprocess.run(command, capture_output=True, check=False)
        path = folder / f"{name}.edi"
        make_file(path, "edifact" if name == "pydifact" else "x12", PEER_MESSAGES * 350 / 1e6)
        figures = apart(name, path, home)
        if figures:
            found[name] = figures
    return found


def measure(sizes_mb: tuple[float, ...] = SIZES_MB) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {form: folder / f"{form}.edi" for form in FORMATS}
        for form, path in files.items():
            make_file(path, form, min(TIMED_MB, max(sizes_mb)))
        tasks = ("read", "read_elements", "read_by_segments", "write", "write_unjudged")
        small = {form: folder / f"small-{form}.edi" for form in FORMATS}
        for form, path in small.items():
            make_file(path, form, 8)
        found = {
            form: {task: apart(task, files[form] if task == "read" else small[form]) for task in tasks}
            for form in FORMATS
        }
        linear, rss = {}, 0.0
        for size in sizes_mb:
            path = folder / "sized.edi"
            make_file(path, "x12", size)
            figures = apart("read", path) or {}
            linear[f"{size:g}"], rss = figures.get("mb_per_s"), max(rss, figures.get("rss_mb", 0.0))
        others = peers(folder)
    return summary(found, linear, rss, others)


def summary(
    found: dict[str, Any], linear: dict[str, Any], rss: float, others: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """The figures under the names of `bench.json`."""
    ours = {"pydifact": found["edifact"]["read"], "pyx12": found["x12"]["read"]}
    ratios = {name: round(ours[name]["messages_per_s"] / one["messages_per_s"], 1) for name, one in others.items()}
    return {
        "x12_mb_per_s": found["x12"]["read"]["mb_per_s"],
        "edifact_mb_per_s": found["edifact"]["read"]["mb_per_s"],
        "messages_per_s": found["x12"]["read"]["messages_per_s"],
        "write_mb_per_s": found["x12"]["write"]["mb_per_s"],
        "rss_mb": rss,
        "ratio_to_best_peer": min(ratios.values(), default=None),
        "ratios": ratios,
        "x12_mb_per_s_by_size": linear,
        "details": found,
        "peers": others,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.edi", description=__doc__)
    parser.add_argument("--task", help="one measurement, in this process")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES_MB, help="megabytes of the files that grow")
    options = parser.parse_args()
    print(json.dumps(task(options.task, options.file) if options.task else measure(tuple(options.sizes)), indent=2))
