// What a reader may rely on: versions without an unsaid hole, books that are the server's, and that it comes back.
import assert from "node:assert/strict"
import { test } from "node:test"
import { ack, follow, quote, trade, world } from "./fakes.mjs"

const book = (seq, prev, bids, asks, more) => ({ type: "book", sym: "AAPL", seq, bids, asks, ts: 1, prev, ...more })

/** A feed with one subscription, open on a WebSocket. */
async function opened(options, symbols = "AAPL", said = {}) {
  const all = world(options)
  const subscription = all.feed.subscribe(symbols, said), told = follow(subscription)
  await all.time.pass(0)
  await all.socket.welcome()
  await all.socket.say(ack(said.channel ?? "quote", [symbols].flat()))
  return { ...all, world: all, subscription, told }
}

/** Lost, and open again. */
async function again({ time, world }, fields) {
  await world.socket.end(1006)
  const before = world.sockets.length
  while (world.sockets.length === before) await time.pass(100)
  await world.socket.welcome(fields)
  await time.pass(0)
  return world.socket
}

for (const { what, channel, come, seqs, gaps = [] } of [
  { what: "versions that follow", channel: "trade", come: [trade(34, 0, { snap: true }), trade(35, 34)], seqs: [34, 35] },
  { what: "merged versions are no loss", channel: "quote", come: [quote(161, 0, { snap: true }), quote(190, 161)], seqs: [161, 190] },
  { what: "a trade lost on the way", channel: "trade", come: [trade(1, 0, { snap: true }), trade(5, 4)], seqs: [1, 5], gaps: [[2, 4, "loss"]] },
  { what: "a quote lost on the way", channel: "quote", come: [quote(1, 0, { snap: true }), quote(9, 7)], seqs: [1, 9], gaps: [[2, 7, "loss"]] },
  { what: "a gap that the server declares", channel: "trade", seqs: [1, 8], gaps: [[2, 7, "slow"]],
    come: [trade(1, 0, { snap: true }), { type: "gap", sym: "AAPL", channel: "trade", from: 2, to: 7, reason: "slow" }, trade(8, 7)] },
  { what: "a gap about what is here is none", channel: "trade", seqs: [5, 6],
    come: [trade(5, 0, { snap: true }), { type: "gap", sym: "AAPL", channel: "trade", from: 1, to: 4, reason: "slow" }, trade(6, 5)] },
  { what: "what comes twice is told once", channel: "trade", come: [trade(5, 0, { snap: true }), trade(4, 3), trade(5, 4), trade(6, 5)], seqs: [5, 6] },
  { what: "a snapshot that skips trades", channel: "trade", come: [trade(5, 0, { snap: true }), trade(9, 0, { snap: true })], seqs: [5, 9], gaps: [[6, 8, "loss"]] },
  { what: "other symbols are not ours", channel: "quote", come: [quote(1, 0, { snap: true, sym: "MSFT" })], seqs: [] },
]) {
  test(`chain: ${what}`, async () => {
    const { world, told } = await opened({}, "AAPL", { channel })
    await world.socket.say(...come)
    assert.deepEqual(told.seqs, seqs)
    assert.deepEqual(told.gaps, gaps)
  })
}

test("a lost symbol is subscribed to again, a fault that stays at most once a second", async () => {
  const { world, time } = await opened({}, "AAPL", { channel: "trade" })
  await world.socket.say(trade(1, 0, { snap: true }))
  for (let turn = 0; turn < 100; turn++) {
    await world.socket.say(trade(10 * turn + 10, 10 * turn + 9))
    await time.pass(30)
  }
  const asked = world.socket.asked.filter(({ op }) => op === "subscribe").length
  assert.ok(asked >= 3 && asked <= 5, `${asked} subscriptions in 3 s`)
})

test("a book is built of its differences, and asked for anew when its checksum is another", async () => {
  const { world, told, time, subscription } = await opened({}, "AAPL", { channel: "book", depth: 3, crc: true })
  await world.socket.say(
    book(306, 0, [[270.3, 109], [270.28, 117], [270.26, 129]], [[270.33, 100], [270.36, 400], [270.37, 81]], { snap: true, crc: 2843462955 }),
    book(317, 306, [[270.28, 617], [270.26, 229]], [[270.32, 500], [270.33, 137], [270.37, 0]], { crc: 1464986299 }))
  assert.deepEqual(subscription.state.get("AAPL"), {
    bids: [[270.3, 109], [270.28, 617], [270.26, 229]], asks: [[270.32, 500], [270.33, 137], [270.36, 400]], ok: true,
  })
  assert.equal(told.said.at(-1).book, subscription.state.get("AAPL"))
  await world.socket.say(book(320, 317, [[270.3, 110]], [], { crc: 1 }))
  assert.deepEqual(told.seqs, [306, 317])
  assert.deepEqual(told.gaps, [[320, 320, "crc"]])
  assert.equal(subscription.state.get("AAPL").ok, false)
  await world.socket.say(book(321, 320, [[270.3, 111]], []))
  await time.pass(2_000)
  const { op, channel, symbols, depth, crc } = world.socket.asked.at(-1)
  assert.deepEqual({ op, channel, symbols, depth, crc }, { op: "subscribe", channel: "book", symbols: ["AAPL"], depth: 3, crc: true })
  await world.socket.say(book(330, 0, [[1, 2]], [], { snap: true }))
  assert.deepEqual(told.seqs, [306, 317, 330])
})

test("a book of the longest decimals has the right checksum, in text as it was sent", async () => {
  const { world, told } = await opened({}, "AAPL", { channel: "book", crc: true })
  await world.socket.say('{"type":"book","sym":"AAPL","seq":1,"bids":[[9223372036.854775807,92233720368.54775807]],"asks":[],"crc":3026077045,"ts":1,"snap":true,"prev":0}')
  assert.deepEqual(told.gaps, [])
  assert.deepEqual(told.said[0].what.bids, [[9223372036.854776, 92233720368.54776]])
  assert.deepEqual(told.said[0].book.bids, [[9223372036.854776, 92233720368.54776]])
})

test("a book whose chain is broken waits for its snapshot", async () => {
  const { world, told } = await opened({}, "AAPL", { channel: "book" })
  await world.socket.say(book(1, 0, [[1, 1]], [], { snap: true }), book(9, 7, [[2, 1]], []), book(10, 9, [[3, 1]], []))
  assert.deepEqual(told.seqs, [1])
  assert.deepEqual(told.gaps, [[2, 7, "loss"]])
  await world.socket.say(book(12, 10, [[4, 1]], [], { snap: true }))
  assert.deepEqual(told.said.at(-1).book.bids, [[4, 1]])
})

test("after a break each trade comes once, from the cursor on", async () => {
  const all = await opened({}, "AAPL", { channel: "trade" })
  await all.world.socket.say(trade(34, 0, { snap: true }), trade(35, 34), { type: "heartbeat", ts: 1, resume: "9f96f3d5.77" })
  const socket = await again(all)
  assert.equal(socket.asked[0].resume, "9f96f3d5.77")
  await socket.say(ack("trade", ["AAPL"], { resumed: true }), trade(35, 34), trade(36, 35))
  assert.deepEqual(all.told.seqs, [34, 35, 36])
  assert.deepEqual(all.told.gaps, [])
  assert.equal(all.feed.counts.reconnects, 1)
})

test("another epoch forgets versions, states and cursors, and says so", async () => {
  const all = await opened({}, "AAPL", { channel: "trade" })
  await all.world.socket.say(trade(34, 0, { snap: true }))
  const socket = await again(all, { epoch: "a005c1c0" })
  assert.equal(socket.asked[0].resume, undefined)
  assert.deepEqual(all.world.told("epoch"), [{ type: "epoch", epoch: "a005c1c0", reason: "restart" }])
  assert.equal(all.subscription.state.size, 0)
  await socket.say(trade(3, 0, { snap: true }), { type: "epoch", epoch: "a005c1c1", reason: "seek" }, trade(1, 0, { snap: true }))
  assert.deepEqual(all.told.seqs, [34, 3, 1])
  assert.deepEqual(all.told.gaps, [])
  const next = await again(all, { epoch: "a005c1c1" })
  assert.equal(next.asked[0].resume, undefined)
})

test("a cursor of another epoch is no reason for a loss", async () => {
  const { world, told, subscription } = await opened({}, "AAPL", { channel: "trade" })
  await world.socket.say(trade(34, 0, { snap: true }), ack("trade", ["AAPL"], { resumed: false }))
  assert.equal(subscription.state.size, 0)
  await world.socket.say(trade(2, 0, { snap: true }))
  assert.deepEqual([told.seqs, told.gaps], [[34, 2], []])
})

test("two subscriptions of one symbol are one at the server, and end with the last", async () => {
  const { world, feed, told, time } = await opened({}, "AAPL", { rate: 2 })
  await world.socket.say(quote(1, 0, { snap: true }))
  const second = feed.subscribe(["AAPL", "MSFT"], { rate: 5 }), also = follow(second)
  await time.pass(100)
  assert.deepEqual(also.seqs, [1])
  assert.deepEqual(world.socket.asked.slice(1), [
    { op: "set", channel: "quote", rate: 5, symbols: ["AAPL"] }, { op: "subscribe", channel: "quote", rate: 5, symbols: ["MSFT"] }])
  await world.socket.say(quote(2, 1))
  assert.deepEqual([told.seqs, also.seqs], [[1, 2], [1, 2]])
  second.close()
  await time.pass(100)
  assert.deepEqual(world.socket.asked.slice(3), [
    { op: "unsubscribe", channel: "quote", symbols: ["MSFT"] }, { op: "set", channel: "quote", rate: 2, symbols: ["AAPL"] }])
})

test("what one turn asks for goes together, 512 symbols a request, 50 requests a second", async () => {
  const { world, feed, time } = await opened({}, [])
  for (let i = 0; i < 600; i++) feed.subscribe(`S${i}`)
  await time.pass(50)
  assert.deepEqual(world.socket.asked.map(({ symbols }) => symbols.length), [512, 88])
  for (let i = 1; i <= 120; i++) feed.subscribe(`T${i}`, { rate: i })
  await time.pass(1_000)
  assert.ok(world.socket.sent.length <= 2 + 50, `${world.socket.sent.length}`)
  for (let second = 0; second < 2; second++) {
    await world.socket.say({ type: "status" })
    await time.pass(1_000)
  }
  assert.equal(world.socket.asked.length, 122)
})

test("unsubscribing a name asks again for the pattern that covers it", async () => {
  const { world, feed, time } = await opened({}, "A*")
  const name = feed.subscribe("AAPL")
  await time.pass(100)
  name.close()
  await time.pass(100)
  assert.deepEqual(world.socket.asked.slice(2).map(({ op, symbols }) => [op, symbols]), [["unsubscribe", ["AAPL"]], ["subscribe", ["A*"]]])
})

test("nothing is sent but through an open socket", async () => {
  for (const state of [0, 1, 2, 3]) {
    const { world, feed, time } = await opened({}, "AAPL")
    world.socket.readyState = state
    const before = world.socket.sent.length
    feed.subscribe("MSFT")
    feed.set({ max_kbps: 400 })
    await world.socket.say({ type: "heartbeat", ts: 1 })
    await time.pass(200)
    assert.equal(world.socket.sent.length - before, state === 1 ? 3 : 0, `state ${state}`)
  }
})

test("a listener that throws stops nobody", async () => {
  const said = []
  const { error } = console
  console.error = (...what) => said.push(what)
  const { world, subscription, told } = await opened({}, "AAPL")
  const off = subscription.on("update", () => { throw new Error("mine") })
  subscription.on("update", () => said.push("after"))
  await world.socket.say(quote(1, 0, { snap: true }))
  off()
  await world.socket.say(quote(2, 1))
  console.error = error
  assert.deepEqual(told.seqs, [1, 2])
  assert.deepEqual(said.map(one => one === "after" ? one : one[0].message), ["mine", "after", "after"])
})

test("what is unknown is passed on and passed over", async () => {
  const { world, told } = await opened({}, "AAPL")
  await world.socket.say({ type: "constructor", news: 1 }, quote(1, 0, { snap: true, colour: "red" }))
  assert.deepEqual(told.seqs, [1])
  assert.ok(world.told("message").some(({ type }) => type === "constructor"))
})

test("bytes that mean nothing are warned of once, and the connection is made anew", async () => {
  const { world, time } = await opened({}, "AAPL")
  const said = [], { warn } = console
  console.warn = (...what) => said.push(what)
  await world.socket.say("{nonsense")
  await world.sockets[0].say("{more")
  console.warn = warn
  assert.equal(said.length, 1)
  assert.equal(world.feed.status.state, "waiting")
  await time.pass(1_000)
  assert.equal(world.sockets.length, 2)
})

test("a hidden page is sent less, and begins with a snapshot when it shows again", async () => {
  const { world, feed, time } = await opened({}, "AAPL", { rate: 5 })
  feed.subscribe("AAPL", { channel: "trade", rate: 5 })
  feed.subscribe("MSFT", { rate: 5, background: "full" })
  feed.subscribe("NVDA", { rate: 5, background: "off" })
  await time.pass(100)
  const before = world.socket.asked.length
  await world.hide(true)
  await time.pass(100)
  assert.deepEqual(world.socket.asked.slice(before), [
    { op: "unsubscribe", channel: "quote", symbols: ["NVDA"] }, { op: "set", channel: "quote", rate: 0.1, symbols: ["AAPL"] }])
  await world.hide(false)
  await time.pass(100)
  assert.deepEqual(world.socket.asked.slice(before + 2).map(({ op, symbols, rate }) => [op, symbols, rate]), [
    ["subscribe", ["AAPL"], 5], ["subscribe", ["NVDA"], 5]])
  feed.close()
  assert.equal(world.page.listeners.length, 0)
})

test("lag is told with each heartbeat, with the time of a ping", async () => {
  const { world, time } = await opened({}, "AAPL")
  const beat = { type: "heartbeat", ts: 1, lag_ms: 3, buffered: 0, merged: 62, rates: { asked: 4, sent: 20 } }
  await world.socket.say(beat)
  await time.pass(40)
  await world.socket.say({ type: "pong", id: world.socket.sent.at(-1).id, ts: 1 }, beat)
  const { lag_ms, buffered, merged, rates } = beat
  assert.deepEqual(world.told("lag"), [null, 40].map(rtt_ms => ({ lag_ms, buffered, merged, rates, rtt_ms })))
})
