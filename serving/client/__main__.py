"""The command line of the client."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from serving.client import RecommendationClient, Recommendations, Tls
from serving.client.item_names import read_item_names
from serving.client.target import Protocol
from serving.command_line import not_empty
from serving.errors import ServingError
from serving.item_names import FileAndColumn, file_and_column

_SHOWN_IDS, _LONGEST_NAME = 10, 80


def main(arguments: list[str] | None = None) -> int:
    """Asks and prints a table for each protocol; returns the exit status of the process."""
    options = _parse(arguments)
    names: dict[str, str] = {}
    if options.item_names:
        try:
            names = read_item_names(options.item_names, options.item_column)
        except (OSError, ValueError) as error:
            print(f"--item_names: {error}", file=sys.stderr)
            return 1
    tls = None
    if options.root_certificates:
        tls = Tls(options.root_certificates, options.client_certificate, options.client_key)
    ports: dict[Protocol, int | None] = {"grpc": options.port, "rest": options.rest_api_port}
    for protocol, port in ports.items():
        if port is None:
            continue
        address = f"{options.host}:{port}"
        try:
            with RecommendationClient(
                address, options.model_name, protocol, options.timeout, tls=tls
            ) as client:
                tables = _similar(client, options) if options.similar else _best(client, options)
        except (OSError, ServingError, ValueError) as error:
            print(f"{protocol}: {error}", file=sys.stderr)
            return 1
        for title, answer, remark in tables:
            for told in (remark, _without_names(answer, names, options.item_names)):
                if told:
                    print(f"{protocol}: {told}", file=sys.stderr)
            if options.similar and not answer.known_items:
                continue
            print(
                _table(f"{title}{options.model_name} over {protocol} at {address}", answer, names)
            )
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m serving.client", description="Recommends items to follow a history."
    )
    parser.add_argument("history", nargs="*", metavar="ITEM", help="item ids, oldest first")
    parser.add_argument(
        "--host", type=not_empty, default="127.0.0.1", help="of the server (%(default)s)"
    )
    parser.add_argument("--port", type=int, help="ask over gRPC at this port")
    parser.add_argument("--rest_api_port", type=int, help="ask over REST at this port")
    parser.add_argument("--model_name", type=not_empty, default="mclrec", help="(%(default)s)")
    parser.add_argument("--k", type=int, default=10, help="how many items (%(default)s)")
    parser.add_argument("--exclude", nargs="+", default=[], metavar="ITEM", help="leave these out")
    parser.add_argument("--candidates", nargs="+", metavar="ITEM", help="recommend none but these")
    parser.add_argument(
        "--candidate_set",
        type=not_empty,
        metavar="NAME",
        help="recommend none but the items of this set of the export",
    )
    parser.add_argument(
        "--similar",
        action="store_true",
        help="show the items most like each ITEM, instead of those that follow them",
    )
    parser.add_argument("--keep_seen", action="store_true", help="allow items of the history")
    parser.add_argument(
        "--item_names",
        "--item-names",  # as the pipeline spells it
        type=file_and_column,
        metavar="FILE:COLUMN",
        help="show names beside the ids, from this column of a CSV or TSV file with a header, "
        "plain or as .gz, for example items.csv:title",
    )
    parser.add_argument(
        "--item_column",
        type=not_empty,
        default="item_id",
        metavar="COLUMN",
        help="with --item_names: column with the ids; the first one if there is none of this name "
        "(%(default)s)",
    )
    parser.add_argument("--timeout", type=float, default=10.0, help="in seconds (%(default)s)")
    parser.add_argument(
        "--root_certificates",
        type=not_empty,
        metavar="FILE",
        help="encrypt, and trust these certificates (PEM)",
    )
    parser.add_argument(
        "--client_certificate", type=not_empty, metavar="FILE", help="for mutual TLS (PEM)"
    )
    parser.add_argument(
        "--client_key", type=not_empty, metavar="FILE", help="of the client's certificate (PEM)"
    )
    options = parser.parse_args(arguments)
    if options.port is None and options.rest_api_port is None:
        parser.error("give --port or --rest_api_port, or both")
    if options.similar and not options.history:
        parser.error("--similar needs an ITEM")
    if options.similar and (
        options.candidates or options.candidate_set or options.exclude or options.keep_seen
    ):
        parser.error(
            "--similar does not go with --candidates, --candidate_set, --exclude and --keep_seen"
        )
    if (options.client_certificate or options.client_key) and not options.root_certificates:
        parser.error("--client_certificate and --client_key need --root_certificates")
    return options


def _best(
    client: RecommendationClient, options: argparse.Namespace
) -> list[tuple[str, Recommendations, str | None]]:
    """The answer to the history, and what to say of it."""
    answer = client.recommend(
        options.history,
        options.k,
        options.exclude,
        options.keep_seen,
        candidates=options.candidates,
        candidate_set=options.candidate_set,
    )
    remarks = [_remark(client, options.history, answer)]
    if options.candidates:
        known = {item.item_id for item in client.rank([], options.candidates)}
        if unknown := [item for item in options.candidates if item not in known]:
            remarks.append(
                f"no candidates, because the model does not know them: {_listed(unknown)}"
            )
    return [("", answer, "; ".join(filter(None, remarks)))]


def _similar(
    client: RecommendationClient, options: argparse.Namespace
) -> list[tuple[str, Recommendations, str | None]]:
    """The items like each of those that are given, and what to say of them."""
    answers = client.similar_items(options.history, options.k)
    return [
        (f"like {item}, ", answer, None if answer.known_items else f"{item} is not known")
        for item, answer in zip(options.history, answers, strict=True)
    ]


def _remark(
    client: RecommendationClient, history: Sequence[str], answer: Recommendations
) -> str | None:
    """What a person should know of the items that the model does not know."""
    known, asked = answer.known_items, answer.history_items
    if not history:
        return (
            "no history was given, so this is the popularity ranking; items go before --exclude "
            "and --candidates"
        )
    if known == asked:
        return None
    if known is None:
        return (
            "the model does not tell how many items of the history it knows: its export is of an "
            "earlier version"
        )
    last = "last " if len(history) > asked else ""
    items = list(dict.fromkeys(history[len(history) - asked :]))
    if known == 0:
        return (
            f"none of the {last}{asked} items is known to the model, so the answer is the "
            f"popularity ranking; are these ids of its catalogue? {_listed(items)}"
        )
    alone = client.recommend_batch([[item] for item in items], k=1)
    unknown = [item for item, own in zip(items, alone, strict=True) if not own.known_items]
    are = "is" if len(unknown) == 1 else "are"
    return (
        f"{known} of the {last}{asked} items are known to the model; {_listed(unknown)} {are} not"
    )


def _without_names(
    answer: Recommendations, names: Mapping[str, str], source: FileAndColumn | None
) -> str | None:
    """What a person should know of names that none of the items has."""
    if source is None or not names or not answer or any(item.item_id in names for item in answer):
        return None
    return (
        f"none of the items has a name in {source.file}, where the first id is "
        f"{next(iter(names))!r}; --item_column names the column with the ids"
    )


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN_IDS} more" if len(items) > _SHOWN_IDS else ""
    return ", ".join(items[:_SHOWN_IDS]) + more


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _table(title: str, recommendations: Recommendations, names: Mapping[str, str]) -> str:
    width = max((len(r.item_id) for r in recommendations), default=4)
    head = f"  {'':>4}  {'item':<{width}}  {'score':>10}"
    lines = [title, head + ("  name" if names else "")]
    for position, (item_id, score) in enumerate(recommendations, 1):
        line = (
            f"  {position:>4}  {item_id:<{width}}  {score:>10.4f}  {_short(names.get(item_id, ''))}"
        )
        lines.append(line.rstrip())
    if not recommendations:
        lines.append("  no item is left to recommend")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
