"""Makes protocol buffer messages from tables of their fields, for the few that no package has."""

from collections.abc import Mapping

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, wrappers_pb2

_REPEATED = "repeated "
_MAP = "map "

Fields = Mapping[str, tuple[int, str]]


def add_messages(package: str, messages: Mapping[str, Fields]) -> descriptor_pool.DescriptorPool:
    """Adds the messages of a package to the pool in which classes find their descriptors.

    Args:
        package: A name that no other .proto file of the process has.
        messages: By name, the fields: by name, the number and the type as .proto files write it,
            with the package before the name of a message. `repeated TYPE` is a list, `map TYPE`
            is a `map<string, TYPE>`.

    Example:

    >>> pool = add_messages("shop", {"Order": {"items": (1, "repeated string")}})
    >>> class Order(Message, metaclass=GeneratedProtocolMessageType):
    ...     DESCRIPTOR = pool.FindMessageTypeByName("shop.Order")
    >>> Order(items=["jam"]).SerializeToString()
    b'\\n\\x03jam'
    """
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto",
        package=package,
        syntax="proto3",
        dependency=[any_pb2.DESCRIPTOR.name, wrappers_pb2.DESCRIPTOR.name],
    )
    for message_name, fields in messages.items():
        message = file.message_type.add(name=message_name)
        for name, (number, kind) in fields.items():
            if kind.startswith(_MAP):
                entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
                entry.options.map_entry = True
                _add_field(entry, "key", 1, "string")
                _add_field(entry, "value", 2, kind.removeprefix(_MAP))
                kind = f"{_REPEATED}{package}.{message_name}.{entry.name}"
            _add_field(message, name, number, kind)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return pool


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if kind.startswith(_REPEATED) else field.LABEL_OPTIONAL
    kind = kind.removeprefix(_REPEATED)
    if "." in kind:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{kind}"
    else:
        field.type = field.Type.Value(f"TYPE_{kind.upper()}")
