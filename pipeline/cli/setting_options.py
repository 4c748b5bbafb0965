"""Makes command-line options from the fields of a dataclass, and the dataclass from the options.

Imports nothing heavy, so that `--help` answers at once.
"""

import argparse
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from pipeline.settings import Settings, option, without_none
from serving.command_line import EMPTY

_Settings = TypeVar("_Settings")


class _NotEmpty(argparse.Action):
    """Refuses "" as a value. As a default, "" may mean that the option was not given."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        if not values:
            raise argparse.ArgumentError(self, EMPTY)
        setattr(namespace, self.dest, values)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds an option for every field of `Settings`, in one group for each part of them."""
    for name, defaults in vars(Settings()).items():
        kind = type(defaults)
        # The first line of a docstring explains the group in --help.
        group = parser.add_argument_group(name, (kind.__doc__ or "").partition("\n")[0])
        add_options(group, kind)


def add_options(
    parser: Any, kind: Any, names: Iterable[str] | None = None, with_defaults: bool = True
) -> None:
    """Adds options for the fields of a dataclass.

    Args:
        parser: A parser, or a group of options of a parser.
        kind: The dataclass, whose fields were made with `pipeline.settings.setting`.
        names: The names of the fields, in the order of the help. All fields by default.
        with_defaults: If True, the default, an option that is not given has the default of its
            field. If False, it is absent from the parsed options.
    """
    of_name = {field.name: field for field in fields(kind)}
    types = get_type_hints(kind)
    for name in of_name if names is None else names:
        field, type_ = of_name[name], without_none(types[name])
        form: dict[str, Any]
        if type_ is bool:
            form = {"action": argparse.BooleanOptionalAction}
        elif get_origin(type_) is Literal:
            form = {"choices": get_args(type_)}
        else:
            form = {"type": type_, "metavar": type_.__name__.upper()}
            if type_ is str and not field.metadata["may_be_empty"]:
                form["action"] = _NotEmpty
        added = parser.add_argument(
            option(name),
            dest=name,
            default=field.default if with_defaults else argparse.SUPPRESS,
            **form,
        )
        # Set afterwards: the switches of Python 3.12 and earlier add the default themselves.
        added.help = (field.metadata["help"] + _default(field.default)).replace("%", "%%")


def _default(value: Any) -> str:
    """What help says of a default; where there is none, the text of the option says what holds."""
    return "" if value is None else f" (default: {value})"


def settings_of(options: argparse.Namespace) -> Settings:
    """Makes `Settings` from the parsed options of a parser to which `add_settings` was applied.

    Raises:
        ValueError: A value is out of range.
    """
    kinds = map(type, vars(Settings()).values())
    return Settings(*(chosen(options, kind) for kind in kinds))


def chosen(
    options: argparse.Namespace, kind: type[_Settings], names: Iterable[str] | None = None
) -> _Settings:
    """Makes a dataclass from the parsed options of its fields.

    Args:
        options: The parsed options of a parser to which `add_options` was applied.
        kind: The dataclass.
        names: The names of the fields that have an option, by default all. Other fields keep their
            defaults.

    Raises:
        ValueError: A value is out of range.
    """
    if names is None:
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: getattr(options, name) for name in names})
