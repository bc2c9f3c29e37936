"""Reads Simple Binary Encoding 1.0 by its schema: nothing in here knows what TickerFeed's messages are.

    decoder = Decoder(schema_text)
    for message in decoder.decode(frame): print(message["message"], message)

A message is a dict of its fields by name, with its own name under "message"; groups are lists of dicts.
Composites of mantissa and exponent become exact Decimals, sets become sets of names, enums names, and
null values None. A template that the schema lacks comes as {"message": None, "template": id}.
"""

import struct
import xml.etree.ElementTree as ElementTree
from decimal import Decimal

FORMATS = {"char": "c", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H",
           "uint32": "I", "uint64": "Q", "float": "f", "double": "d"}
NULLS = {"char": 0, "int8": -2**7, "int16": -2**15, "int32": -2**31, "int64": -2**63, "uint8": 2**8 - 1,
         "uint16": 2**16 - 1, "uint32": 2**32 - 1, "uint64": 2**64 - 1}


class SchemaError(Exception):
    """The schema uses something that the standard or this reader does not know."""


class DecodeError(Exception):
    """The frame is not what the schema says; `offset` is where."""

    def __init__(self, reason, offset):
        super().__init__(f"{reason} at byte {offset}")
        self.offset = offset


def local(element):
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


class Primitive:
    """A number, or a run of them: of characters it is text, of anything else a list."""

    def __init__(self, element, order):
        self.primitive = element.get("primitiveType")
        if self.primitive not in FORMATS:
            raise SchemaError(f"no primitive type {self.primitive}")
        self.length = int(element.get("length", "1"))
        self.format = struct.Struct(order + FORMATS[self.primitive])
        self.constant = None
        if element.get("presence") == "constant":
            text = (element.text or "").strip()
            self.constant = text if self.primitive == "char" else int(text)
        self.optional = element.get("presence") == "optional"
        null = element.get("nullValue")
        self.null = int(null) if null is not None else NULLS.get(self.primitive)
        self.encoding = element.get("characterEncoding", "US-ASCII")
        self.size = 0 if self.constant is not None else self.length * self.format.size

    def read(self, frame, offset, optional=False):
        if self.constant is not None:
            return self.constant
        if self.primitive == "char":
            text = frame[offset:offset + self.length].split(b"\0")[0]
            try:
                return text.decode(self.encoding) or (None if optional or self.optional else "")
            except UnicodeDecodeError:
                raise DecodeError(f"text is not {self.encoding}", offset) from None
        size = self.format.size
        values = [self.format.unpack_from(frame, offset + i * size)[0] for i in range(self.length)]
        if optional or self.optional:
            values = [None if value == self.null or value != value else value for value in values]
        return values[0] if self.length == 1 else values


class Enumeration:
    """A number with a name for each value."""

    def __init__(self, element, types):
        self.encoding = types.find(element.get("encodingType"))
        self.size = self.encoding.size
        self.names = {}
        for value in element:
            text = (value.text or "").strip()
            self.names[text if self.encoding.primitive == "char" else int(text)] = value.get("name")

    def read(self, frame, offset, optional=False):
        value = self.encoding.read(frame, offset, optional)
        if value is None:
            return None
        if value not in self.names:
            raise DecodeError(f"{value!r} has no name", offset)
        return self.names[value]


class Set:
    """Bits with names. Bits without one are of later versions."""

    def __init__(self, element, types):
        self.encoding = types.find(element.get("encodingType"))
        self.size = self.encoding.size
        self.bits = {choice.get("name"): int(choice.text) for choice in element}

    def read(self, frame, offset, optional=False):
        value = self.encoding.read(frame, offset)
        return {name for name, bit in self.bits.items() if value >> bit & 1}


class Composite:
    """Members one behind the other. A mantissa and an exponent make a decimal."""

    def __init__(self, element, types):
        self.members = []
        self.size = 0
        for member in element:
            kind = types.find(member.get("type")) if local(member) == "ref" else types.make(member)
            at = int(member.get("offset", self.size))
            self.members.append((member.get("name"), kind, at))
            self.size = at + kind.size

    def read(self, frame, offset, optional=False):
        values = {name: kind.read(frame, offset + at, optional) for name, kind, at in self.members}
        if values.keys() != {"mantissa", "exponent"}:
            return values
        return None if values["mantissa"] is None else Decimal(values["mantissa"]).scaleb(values["exponent"])


class Types:
    """What the schema defines under `types`, made when first asked for: the order there is free."""

    def __init__(self, schema, order):
        self.order = order
        self.elements = {each.get("name"): each for types in schema if local(types) == "types" for each in types}
        self.made = {}

    def find(self, name):
        if name not in self.made:
            element = self.elements.get(name)
            if element is None:
                element = ElementTree.Element("type", primitiveType=name)
            self.made[name] = self.make(element)
        return self.made[name]

    def make(self, element):
        kind = local(element)
        if kind == "type":
            return Primitive(element, self.order)
        makers = {"composite": Composite, "enum": Enumeration, "set": Set}
        if kind not in makers:
            raise SchemaError(f"no kind of type {kind}")
        return makers[kind](element, self)

    def constant(self, reference):
        """The value that `valueRef` names, `Enum.name`: a decoded enum is its name anyway."""
        enum, _, name = reference.partition(".")
        if name not in self.find(enum).names.values():
            raise SchemaError(f"no value {reference}")
        return name


class Field:
    def __init__(self, element, types, at):
        self.name = element.get("name")
        self.since = int(element.get("sinceVersion", "0"))
        self.optional = element.get("presence") == "optional"
        self.kind = types.find(element.get("type"))
        self.constant = None
        if element.get("presence") == "constant" and element.get("valueRef"):
            self.constant = types.constant(element.get("valueRef"))
        self.at = int(element.get("offset", at))
        self.end = self.at + (0 if self.constant is not None else self.kind.size)

    def read(self, frame, start):
        return self.constant or self.kind.read(frame, start + self.at, self.optional)


class Block:
    """Fields, then groups, then data of any length: of a message or of a group's entry."""

    def __init__(self, element, types):
        self.fields, self.groups, self.data = [], [], []
        end = 0
        for child in element:
            kind = local(child)
            if kind == "field":
                self.fields.append(Field(child, types, end))
                end = self.fields[-1].end
            elif kind == "group":
                self.groups.append(Group(child, types))
            elif kind == "data":
                self.data.append((child.get("name"), types.find(child.get("type"))))
            else:
                raise SchemaError(f"no {kind} in a message")
        self.length = int(element.get("blockLength", end))

    def read(self, frame, start, length, version):
        """The fields of a block of `length` bytes, and where what follows it ends."""
        room(frame, start, length)
        values = {}
        for field in self.fields:
            if field.since > version:
                continue
            if field.end > length:
                raise DecodeError(f"a block of {length} bytes is too short for {field.name}", start)
            values[field.name] = field.read(frame, start)
        offset = start + length
        for group in self.groups:
            if group.since <= version:
                values[group.name], offset = group.read(frame, offset, version)
        for name, kind in self.data:
            values[name], offset = variable(frame, offset, kind)
        return values, offset


class Group:
    def __init__(self, element, types):
        self.name = element.get("name")
        self.since = int(element.get("sinceVersion", "0"))
        self.dimension = types.find(element.get("dimensionType", "groupSizeEncoding"))
        self.block = Block(element, types)

    def read(self, frame, offset, version):
        room(frame, offset, self.dimension.size)
        head = self.dimension.read(frame, offset)
        offset += self.dimension.size
        entries = []
        for _ in range(head["numInGroup"]):
            entry, offset = self.block.read(frame, offset, head["blockLength"], version)
            entries.append(entry)
        return entries, offset


def variable(frame, offset, kind):
    """Bytes behind their length: text where the type says in which encoding."""
    (_, length, at), (_, bytes_of, start) = kind.members[0], kind.members[1]
    room(frame, offset, kind.size)
    count = length.read(frame, offset + at)
    room(frame, offset + start, count)
    value = bytes(frame[offset + start:offset + start + count])
    return value, offset + start + count


def room(frame, offset, count):
    if len(frame) - offset < count:
        raise DecodeError(f"{count} bytes expected, {len(frame) - offset} left", offset)


class Decoder:
    """Frames to messages, by the schema given as text."""

    def __init__(self, schema_text):
        schema = ElementTree.fromstring(schema_text.encode() if isinstance(schema_text, str) else schema_text)
        order = ">" if schema.get("byteOrder") == "bigEndian" else "<"
        types = Types(schema, order)
        self.id = int(schema.get("id"))
        self.version = int(schema.get("version", "0"))
        self.header = types.find(schema.get("headerType", "messageHeader"))
        self.messages = {int(each.get("id")): (each.get("name"), Block(each, types))
                         for each in schema if local(each) == "message"}

    def decode(self, frame):
        """All messages of a frame, in order."""
        messages, offset = [], 0
        while offset < len(frame):
            message, offset = self.message(frame, offset)
            messages.append(message)
        return messages

    def message(self, frame, offset):
        room(frame, offset, self.header.size)
        header = self.header.read(frame, offset)
        if header["schemaId"] != self.id:
            raise DecodeError(f"schema {header['schemaId']} instead of {self.id}", offset)
        start, length = offset + self.header.size, header["blockLength"]
        name, block = self.messages.get(header["templateId"], (None, None))
        if block is None:
            room(frame, start, length)
            return {"message": None, "template": header["templateId"]}, start + length
        values, end = block.read(frame, start, length, header["version"])
        return {"message": name, **values}, end
