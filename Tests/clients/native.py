"""The native protocol's messages, the same for both encodings: exact numbers, and the words of the JSON form.

    reader = BinaryReader(Decoder(schema_text))
    for message in reader.read(frame): print(message["type"], message)
"""

import json
from decimal import Decimal

INTERVALS = {"second": "1s", "minute": "1m"}


def exact(text):
    """JSON with every fraction as the decimal that was written."""
    return json.loads(text, parse_float=Decimal)


class BinaryReader:
    """Reads one connection's binary frames; remembers the names that its symbol numbers were bound to."""

    def __init__(self, decoder):
        self.decoder = decoder
        self.names = {}
        self.symbols = []

    def read(self, frame):
        messages = []
        for message in self.decoder.decode(frame):
            if message["message"] == "Symbol":
                self.bind(message)
            elif message["message"] == "Stamps":
                messages[-1] |= {"recv": message["recv"], "sent": message["sent"]}
            else:
                messages.append(as_json(message, self.names))
        return messages

    def bind(self, message):
        self.names[message["symbol"]] = message["name"]
        self.symbols.append({"symbol": message["name"], "price_increment": message["priceIncrement"],
                             "lot": message["lot"]})


def as_json(message, names):
    """What a binary message says, in the words of the JSON protocol."""
    kind = message["message"].lower()
    flags = message["flags"]
    said = {"type": "trade" if kind == "tradebreak" else kind, "sym": names[message["symbol"]], "seq": message["seq"], "ts": message["ts"],
            "prev": message["prev"]}
    if "snapshot" in flags:
        said["snap"] = True
    if "crossed" in flags:
        said["crossed"] = True
    return said | FIELDS[kind](message, flags)


def trade(message, _):
    said = {"price": message["price"], "size": message["size"]}
    if message["side"] is not None:
        said["side"] = message["side"]
    if message["tradeId"] is not None:
        said["trade_id"] = str(message["tradeId"])
    if message["count"] is not None:
        said |= {name: message[name] for name in ("count", "high", "low")}
    return said


def broken(message, _):
    said = {"broken": str(message["tradeId"])}
    if message["size"] is not None:
        said |= {"price": message["price"], "size": message["size"]}
    return said


def book(message, flags):
    said = {side: [[level["price"], level["size"]] for level in message[side]] for side in ("bids", "asks")}
    return said | ({"crc": message["crc"]} if "crc" in flags else {})


def fields(*names):
    return lambda message, _: {name: message[name] for name in names}


FIELDS = {
    "quote": lambda message, _: {"bid": message["bid"], "bid_size": message["bidSize"], "ask": message["ask"],
                                 "ask_size": message["askSize"]},
    "trade": trade,
    "tradebreak": broken,
    "book": book,
    "bar": lambda message, flags: {
        "interval": INTERVALS[message["interval"]], "closed": "closed" in flags,
        **fields("start", "open", "high", "low", "close", "volume", "vwap", "count")(message, flags)},
    "stats": fields("open", "high", "low", "last", "change", "volume", "vwap", "count"),
    "status": fields("market", "feed", "reason"),
}
