// What comes as bytes: both encodings say the same, events are read however they are cut, checksums are exact.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { module } from "./fakes.mjs"

const { checksum, decode, events, parse } = module

const golden = parse(readFileSync(new URL("../DialectsTests/Golden/messages.json", import.meta.url), "utf8"))
const bytes = hex => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ""), "hex")).buffer
const numbers = levels => levels.map(level => level.map(Number))

/** A message with levels as numbers, and sums beyond 64 bits, which SBE has no room for, as null. */
function plain(message, binary = message) {
  const said = { ...message }
  for (const side of ["bids", "asks"]) if (said[side]) said[side] = numbers(said[side])
  // The least price there is would be null in a field that can be: of a trade it is left out.
  if (said.price === -9223372036.854775808) delete said.price
  for (const sum of ["size", "volume"]) if (binary[sum] === null) said[sum] = null
  return said
}

for (const { what, json, sbe } of golden) {
  test(`both encodings say the same: ${what}`, () => {
    const said = decode(bytes(sbe), new Map())
    assert.deepEqual(said.map(one => plain(one)), json.map((message, i) => plain(message, said[i])))
  })
}

test("a quote of the protocol page", () => {
  const names = new Map([[7, "AAPL"]])
  const frame = bytes(`40 00 01 00 e8 1c 01 00  6c 22 00 00 00 00 00 00  07 00 00 00  00 00 00 00
    88 22 00 00 00 00 00 00  18 27 e5 5c 78 a6 99 12  80 00 63 48 88 00 00 00  00 e4 0b 54 02 00 00 00
    00 00 00 00 00 00 00 80  00 00 00 00 00 00 00 80`)
  assert.deepEqual(decode(frame, names), [{
    type: "quote", sym: "AAPL", seq: 8840, bid: 585.33, bid_size: 100, ask: null, ask_size: null,
    ts: "1340285400004241176", prev: 8812,
  }])
})

test("what a later version adds is skipped, by the length of the block", () => {
  const names = new Map(), quote = golden.find(({ what }) => what === "quote: later").sbe
  const [now] = decode(bytes(quote), names), alone = quote.slice(96)
  const longer = "43" + alone.slice(2) + "6e6577", unknown = "02006300e81c01006869"
  assert.deepEqual(decode(bytes(unknown + longer + alone), names), [{ type: null, template: 99 }, now, now])
})

test("a frame that is cut anywhere is an error or has fewer messages", () => {
  for (const { sbe } of golden) {
    const whole = bytes(sbe), count = decode(whole, new Map()).length
    for (let end = 1; end < whole.byteLength; end++) {
      let cut = []
      try { cut = decode(whole.slice(0, end), new Map()) } catch { continue }
      assert.ok(cut.length <= count)
    }
  }
  assert.throws(() => decode(bytes("40000100e91c0100" + "00".repeat(64)), new Map([[0, "A"]])))
})

test("times are text to the nanosecond, numbers are numbers, text is text", () => {
  const [trade] = parse('{"type":"trade","trade_id":"1795240187097557340","price":9223372036.854775807,"ts":1795240187097557340,"sent":-1}')
  assert.deepEqual(trade, {
    type: "trade", trade_id: "1795240187097557340", price: 9223372036.854775807, ts: "1795240187097557340", sent: "-1",
  })
  const [book] = parse('{"bids":[[9223372036.854775807,92233720368.54775807],[270.3,100]],"asks":[]}')
  assert.deepEqual(book.bids, [["9223372036.854775807", "92233720368.54775807"], [270.3, 100]])
  const [error] = parse('{"type":"error","message":"not one of [1795240187097557340,1795240187097557341]"}')
  assert.equal(error.message, "not one of [1795240187097557340,1795240187097557341]")
})

for (const [what, levels, crc] of [
  ["the protocol page's first book",
    [[270.3, 109], [270.28, 117], [270.26, 129], [270.33, 100], [270.36, 400], [270.37, 81]], 2843462955],
  ["and its second", [[270.3, 109], [270.28, 617], [270.26, 229], [270.32, 500], [270.33, 137], [270.36, 400]], 1464986299],
  ["no level", [], 0],
  // zlib.crc32(struct.pack("<qq", 2**63 - 1, 2**63 - 1)) of Python.
  ["the longest decimals", [["9223372036.854775807", "92233720368.54775807"]], 3026077045],
]) {
  test(`checksum: ${what}`, () => assert.equal(checksum(levels), crc))
}

const STREAM = 'retry: 1914\n\nevent: welcome\nid: 7.9\ndata: {"a":"é…"}\n\nid: 7.10\n\n: still here\n\nevent: quote\r\ndata:{"b":"x: y"}\r\n\r\n'
const BLOCKS = [
  { retry: "1914" }, { event: "welcome", id: "7.9", data: '{"a":"é…"}' }, { id: "7.10" }, {}, { event: "quote", data: '{"b":"x: y"}' },
]

/** Blocks as they came, without what only the parser sees: comments and the empty line. */
function blocksOf(...pieces) {
  const blocks = [], decoder = new TextDecoder()
  const read = events(block => {
    const { "": _, ...said } = block
    blocks.push(said)
  })
  for (const piece of pieces) read(decoder.decode(piece, { stream: true }))
  return blocks
}

test("events are the same wherever the stream is cut, in two or byte by byte", () => {
  const whole = new TextEncoder().encode(STREAM)
  for (let cut = 0; cut <= whole.length; cut++) {
    assert.deepEqual(blocksOf(whole.slice(0, cut), whole.slice(cut)), BLOCKS, `cut at ${cut}`)
  }
  assert.deepEqual(blocksOf(...[...whole].map(byte => Uint8Array.of(byte))), BLOCKS)
})
