"""Reports the rows of a load test as a table and as a plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.plots import plot_file

_SHOWN = ("p50", "p90", "p99", "p99.9", "max")


def load_name(row: dict[str, Any]) -> str:
    """Name of the load of a row: `16 at a time` or `200 a second`."""
    return f"{row['load']:g} {'at a time' if row['loop'] == 'closed' else 'a second'}"


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Prints a row for each load, with milliseconds of latency and of processor time a request."""
    table = pd.DataFrame(
        {
            "protocol": row["protocol"],
            "load": load_name(row),
            "requests/s": row["requests_per_second"],
            **{name: row["milliseconds"][name] for name in _SHOWN},
            "client CPU": row["client_cpu_milliseconds_per_request"],
            "server CPU": row.get("server_cpu_milliseconds_per_request"),
            "errors": ", ".join(f"{count} {code}" for code, count in row["errors"].items()) or "0",
        }
        for row in rows
    ).dropna(axis="columns", how="all")
    formats = dict.fromkeys(("client CPU", "server CPU"), "{:.2f}".format)
    print("latency and processor time in milliseconds")
    print(table.to_string(index=False, formatters=formats, float_format="{:.1f}".format))


def print_overhead(found: dict[str, Any]) -> None:
    """Prints what a server adds to the bare session call, for one request at a time."""
    milliseconds = found["median_milliseconds"]
    print(f"one request at a time, median: bare session call {milliseconds['bare_session']:.2f} ms")
    for protocol in ("grpc", "rest"):
        if protocol in milliseconds:
            whole, idle = milliseconds[protocol], milliseconds[f"{protocol}_without_model"]
            print(
                f"  {protocol} {whole:.2f} ms, {found[f'{protocol}_ratio']:.2f} times; "
                f"a request for which no model runs {idle:.2f} ms"
            )
    if "goal" in found:
        print(f"gRPC is {'below' if found['below_goal'] else 'NOT below'} {found['goal']} times")


def plot(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Draws latency over concurrency and over the offered rate, for each protocol."""
    panels = {"closed": "requests at a time", "open": "requests offered a second"}
    with plot_file(file, (12, 4.5), 1, 2) as axes:
        for axis, (loop, label) in zip(axes, panels.items(), strict=True):
            for color, protocol in enumerate(sorted({row["protocol"] for row in rows})):
                found = [row for row in rows if (row["loop"], row["protocol"]) == (loop, protocol)]
                loads = [row["load"] for row in found]
                for name, style in (("p50", "o-"), ("p99", "s--"), ("max", ".:")):
                    values = [row["milliseconds"][name] for row in found]
                    axis.plot(loads, values, style, color=f"C{color}", label=f"{protocol} {name}")
            if loop == "closed":
                axis.set_xscale("log", base=2)
            axis.set_yscale("log")
            axis.set_xlabel(label)
            axis.set_ylabel("latency, ms")
            axis.grid(alpha=0.3)
        axes[0].legend()
