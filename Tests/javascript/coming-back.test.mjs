// How it connects: what each end means, how long it waits, over which transport it goes and when back up.
import assert from "node:assert/strict"
import { test } from "node:test"
import { WELCOME, ack, follow, quote, settle, trade, world } from "./fakes.mjs"

async function opened(options) {
  const all = world(options)
  all.feed.subscribe("AAPL")
  await settle()
  await all.socket.welcome()
  return all
}

for (const [code, reason, state, name, token] of [
  [1000, "", "waiting", "lost"], [1001, "", "waiting", "lost"], [1006, "", "waiting", "lost"], [1011, "", "waiting", "lost"],
  [1012, "", "waiting", "lost"], [1013, "too many streams", "waiting", "lost"], [4408, "", "waiting", "too_slow"],
  [4429, "", "waiting", "limit_operations"], [1008, "answers are not read", "waiting", "lost"],
  [1002, "", "closed", "protocol"], [1003, "", "closed", "protocol"], [1007, "", "closed", "protocol"],
  [1009, "", "closed", "protocol"], [1010, "", "closed", "protocol"], [4403, "", "closed", "entitlement_withdrawn"],
  [1008, "no token was right", "closed", "unauthenticated"], [4401, "", "closed", "token_expired", "text"],
  [4401, "", "waiting", "token_expired", () => "newer"], [4401, "", "closed", "token_expired"],
]) {
  test(`close code ${code} ${reason}${typeof token === "function" ? "with a token function" : ""}: ${state}`, async () => {
    const { feed, socket, sockets, time } = await opened({ token })
    await socket.say({ type: "ack", id: "auth" })
    await socket.end(code, reason)
    assert.equal(feed.status.state, state)
    assert.equal(feed.status.reason.code, name)
    const before = sockets.length
    await time.pass(5_501)
    assert.equal(sockets.length > before, state === "waiting")
    if (code === 4429) assert.ok(feed.status.retryAt === null)
  })
}

test("waits are drawn from a range that doubles to 30 s, and begin small again after 10 s of health", async () => {
  for (const chance of [0, 0.5, 0.999]) {
    const all = await opened({ random: () => chance }), waits = []
    for (let turn = 0; turn < 10; turn++) {
      await all.socket.end(1006)
      waits.push(all.feed.status.retryAt - all.time.at)
      await all.time.pass(waits.at(-1))
      await settle()
      await all.socket.welcome()
    }
    const full = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]
    assert.deepEqual(waits, full.map(most => chance * most))
    for (let second = 0; second < 11; second++) {
      await all.socket.say({ type: "heartbeat", ts: 1 })
      await all.time.pass(1_000)
    }
    await all.socket.end(1006)
    assert.equal(all.feed.status.retryAt - all.time.at, chance * 500)
  }
})

test("a thousand clients that are sent away together do not come back together", async () => {
  const waits = []
  for (let seed = 1; seed <= 50; seed++) {
    const { socket, feed, time } = await opened({ random: () => seed / 51 })
    await socket.say({ type: "goodbye", code: "drain", reconnect_after_ms: 718 })
    assert.equal(feed.status.reason.code, "drain")
    waits.push(feed.status.retryAt - time.at)
  }
  assert.ok(Math.min(...waits) >= 718 && Math.max(...waits) <= 1_218 && new Set(waits).size === 50)
})

test("4429 waits for 5 s at least", async () => {
  const { socket, feed, time } = await opened()
  await socket.end(4429)
  assert.ok(feed.status.retryAt - time.at >= 5_000)
})

test("a server that says nothing for three heartbeats is dead", async () => {
  const { socket, feed, time } = await opened({ random: () => 0.9 })
  await time.pass(2_900)
  await socket.say({ type: "heartbeat", ts: 1 })
  await time.pass(2_900)
  assert.equal(feed.status.state, "open")
  await time.pass(200)
  assert.deepEqual([feed.status.state, feed.status.reason.code, socket.readyState], ["waiting", "silent", 2])
})

test("a token goes first, what is wanted after its answer, and a newer one when it expires", async () => {
  let count = 0
  const all = world({ token: async () => `token ${++count}` })
  all.feed.subscribe("AAPL")
  await settle()
  await all.socket.welcome()
  assert.deepEqual(all.socket.sent, [{ op: "auth", id: "auth", token: "token 1" }])
  await all.socket.say({ type: "ack", id: "auth", subject: "ann", expires: 1 })
  assert.equal(all.socket.sent[1].op, "subscribe")
  await all.socket.say({ type: "expiring", expires: 1 })
  assert.deepEqual(all.socket.sent.at(-1), { op: "auth", id: "auth", token: "token 2" })
  assert.equal(all.sockets.length, 1)
})

for (const [what, token, state] of [["a text", "bad", "closed"], ["a function", () => "bad", "waiting"]]) {
  test(`a token that is not believed, ${what}: ${state}`, async () => {
    const { socket, feed } = await opened({ token })
    await socket.say({ type: "error", id: "auth", code: "unauthenticated", message: "no" })
    assert.deepEqual([feed.status.state, feed.status.reason.code], [state, "unauthenticated"])
  })
}

for (const [what, report, state, code] of [
  ["the server is away", null, "waiting", "unreachable"],
  ["a WebSocket is blocked", { ok: true }, "connecting", "websocket_blocked"],
  ["no token", { ok: false, problems: [{ code: "unauthenticated", message: "no token", hint: "ask" }] }, "closed", "unauthenticated"],
  ["a limit", { ok: false, problems: [{ code: "limit_streams" }] }, "waiting", "limit_streams"],
  ["a drain", { ok: false, problems: [{ code: "drain" }] }, "waiting", "drain"],
  ["an origin that may not", { ok: false, problems: [{ code: "forbidden" }] }, "closed", "forbidden"],
]) {
  test(`no WebSocket, and ${what}: ${state}`, async () => {
    const { feed, socket, request: none, requests } = world()
    await settle()
    assert.equal(none, undefined)
    await socket?.end(1006)
    const all = world()
    await settle()
    await all.socket.end(1006)
    assert.equal(all.request.path, "/prefix/v1/preflight")
    await (report ? all.request.answer(200, JSON.stringify(report)) : all.request.fail())
    assert.deepEqual([all.feed.status.state, all.feed.status.reason.code], [state, code])
    assert.equal(all.feed.status.fallback, code === "websocket_blocked")
    feed.close()
    assert.equal(requests.length, socket ? 1 : 0)
  })
}

test("a WebSocket that is not welcomed in 5 s is examined", async () => {
  const all = world()
  await all.time.pass(5_000)
  assert.equal(all.request.path, "/prefix/v1/preflight")
})

test("events take over, and the WebSocket when it can be had again: at its welcome, with the cursor", async () => {
  const all = world({ random: () => 0.5 }), told = follow(all.feed.subscribe("AAPL", { channel: "trade" }))
  await all.block()
  assert.deepEqual([all.request.path, all.request.query], ["/prefix/v1/events", { channel: "trade", symbols: "AAPL" }])
  await all.request.begin()
  const events = all.request
  await events.say(WELCOME)
  await events.say(ack("trade", ["AAPL"], { resume: "7.1" }))
  await events.say(trade(1, 0, { snap: true }), "7.1")
  assert.deepEqual([all.feed.status.state, all.feed.status.transport, all.feed.status.fallback], ["open", "events", true])
  assert.equal(all.feed.status.reason.code, "websocket_blocked")
  const beat = async seconds => {
    for (let second = 0; second < seconds; second++) {
      await events.say({ type: "heartbeat", ts: 1 }, "7.2")
      await all.time.pass(1_000)
    }
  }
  await beat(16)
  assert.equal(all.sockets.length, 2)
  await all.socket.end(1006)
  await beat(29)
  assert.equal(all.sockets.length, 2)
  await beat(2)
  assert.equal(all.sockets.length, 3)
  assert.equal(all.feed.status.transport, "events")
  await events.say(trade(2, 1), "7.2")
  await all.socket.welcome()
  assert.equal(events.aborted, true)
  assert.deepEqual([all.feed.status.transport, all.feed.status.fallback, all.feed.status.reason], ["websocket", false, null])
  assert.equal(all.socket.asked[0].resume, "7.2")
  await all.socket.say(ack("trade", ["AAPL"], { resumed: true }), trade(2, 1), trade(3, 2))
  assert.deepEqual([told.seqs, told.gaps], [[1, 2, 3], []])
})

for (const head of [true, false]) test(`events that a proxy keeps back give way to polls, ${head ? "with" : "without"} a head`, async () => {
  const all = world(), told = follow(all.feed.subscribe("AAPL"))
  await all.block()
  if (head) await all.request.begin()
  await all.time.pass(5_000)
  assert.equal(all.request.path, "/prefix/v1/poll")
  assert.equal(all.feed.status.reason.code, "events_buffered")
  await all.request.answer(200, JSON.stringify([ack("quote", ["AAPL"]), quote(1, 0, { snap: true }), { type: "heartbeat", resume: "7.3.a" }]))
  assert.deepEqual([told.seqs, all.feed.status.state, all.feed.status.transport], [[1], "open", "poll"])
  assert.equal(all.request.query.cursor, "7.3.a")
  await all.request.answer(204, null, { "TickerFeed-Cursor": "7.4.a" })
  assert.equal(all.request.query.cursor, "7.4.a")
})

test("events that a proxy lets go by the buffer fall silent; the second time within a minute polls take over", async () => {
  const all = world()
  all.feed.subscribe("AAPL")
  await all.block()
  for (const [code, path] of [["silent", "/prefix/v1/events"], ["events_buffered", "/prefix/v1/poll"]]) {
    assert.equal(all.request.path, "/prefix/v1/events")
    await all.request.begin()
    await all.request.say({ type: "welcome", epoch: "7", heartbeat_ms: 1000 }, "7.1")
    await all.request.say(ack("quote", ["AAPL"]), "7.1")
    await all.time.pass(3_000)
    assert.equal(all.feed.status.reason.code, code)
    await all.time.pass(500)
    assert.equal(all.request.path, path)
  }
})

for (const [status, body, state, code, wait = 0] of [
  [401, "unauthenticated: no token", "closed", "unauthenticated"], [403, "forbidden: no", "closed", "forbidden"],
  [403, "<html>", "closed", "forbidden"], [429, "limit_streams: 64", "waiting", "limit_streams", 7_000],
  [503, "drain: away", "waiting", "drain", 7_000], [502, "<html>", "waiting", "http_502"],
]) {
  test(`events answered with ${status} ${body}: ${state}`, async () => {
    const all = world({ transport: "events" })
    all.feed.subscribe("AAPL")
    await settle()
    await all.request.answer(status, body, wait ? { "Retry-After": "7" } : {})
    assert.deepEqual([all.feed.status.state, all.feed.status.reason.code], [state, code])
    if (state === "waiting") assert.ok(all.feed.status.retryAt - all.time.at >= wait)
  })
}

test("what a stream may not have is refused, and asked for no more", async () => {
  const all = world({ transport: "events" }), told = follow(all.feed.subscribe("ZZZZ"))
  await settle()
  await all.request.answer(404, "unknown_symbol: none of these is to be had here")
  assert.deepEqual(told.said.map(({ what }) => what), [{ symbol: "ZZZZ", code: "unknown_symbol", channel: "quote" }])
  await all.time.pass(60_000)
  assert.equal(all.requests.length, 1)
})

test("a token goes in the head of each request, never in its address", async () => {
  const all = world({ transport: "events", token: "secret" })
  all.feed.subscribe("AAPL")
  await settle()
  assert.equal(all.request.headers.Authorization, "Bearer secret")
  assert.ok(!all.request.url.href.includes("secret"))
})

test("over HTTP what differs only by channel shares a stream, at most 4, and what is left out is named", async () => {
  const all = world({ transport: "events" })
  const symbols = ["AAPL", "MSFT"]
  all.feed.subscribe(symbols)
  all.feed.subscribe(symbols, { channel: "trade", depth: 3 })
  all.feed.subscribe(symbols, { channel: "bar" })
  all.feed.subscribe(symbols, { channel: "book", depth: 5, crc: true })
  await settle()
  assert.deepEqual(all.requests.map(({ query }) => query), [
    { channel: "quote,trade,bar,book", interval: "1m", depth: "5", crc: "true", symbols: "AAPL,MSFT" }])
  for (let rate = 1; rate <= 4; rate++) all.feed.subscribe(`S${rate}`, { rate })
  await settle()
  assert.equal(all.requests.filter(({ aborted }) => !aborted).length, 4)
  assert.deepEqual(all.told("error").map(({ code, symbols }) => [code, symbols]), [["limit_streams", ["S4"]]])
})

test("targets stay below 1,900 bytes", async () => {
  const all = world({ transport: "events" }), symbols = Array.from({ length: 200 }, (_, i) => `SYMBOL/${i}`)
  all.feed.subscribe(symbols)
  await settle()
  assert.ok(all.requests.every(({ url }) => url.href.length - url.origin.length <= 1_900))
  assert.deepEqual(all.requests.flatMap(({ query }) => query.symbols.split(",")).sort(), symbols.sort())
})

test("what is added over HTTP begins apart, and the rest goes on undisturbed; a change reopens with the cursor", async () => {
  const all = world({ transport: "events" }), first = all.feed.subscribe("AAPL", { channel: "trade" })
  await settle()
  await all.request.begin()
  await all.request.say(WELCOME)
  await all.request.say(ack("trade", ["AAPL"]), "7.1")
  all.feed.subscribe("MSFT", { channel: "trade" })
  all.feed.subscribe("NVDA", { channel: "trade" })
  await settle()
  assert.deepEqual(all.requests.map(({ query, aborted }) => [query.symbols, query.cursor, !!aborted]), [
    ["AAPL", undefined, false], ["MSFT,NVDA", undefined, false]])
  await all.requests[0].write("id: 7.9\n\n")
  first.set({ rate: 3 })
  await settle()
  assert.deepEqual([all.request.query.rate, all.request.query.cursor, all.requests[0].aborted], ["3", "7.9", true])
})

test("a loss over HTTP opens its stream anew, with the cursor", async () => {
  const all = world({ transport: "events" }), told = follow(all.feed.subscribe("AAPL", { channel: "trade" }))
  await settle()
  await all.request.begin()
  await all.request.say(WELCOME)
  await all.request.say(ack("trade", ["AAPL"]), "7.1")
  await all.request.say(trade(1, 0, { snap: true }), "7.1")
  await all.request.say(trade(5, 4), "7.2")
  await all.time.pass(0)
  assert.deepEqual(told.gaps, [[2, 4, "loss"]])
  assert.deepEqual([all.requests.length, all.requests[0].aborted, all.request.query.cursor], [2, true, "7.2"])
})

test("one of several streams that ends takes the others with it, and all come back with their cursors", async () => {
  const all = world({ transport: "events" })
  all.feed.subscribe("AAPL", { rate: 1 })
  all.feed.subscribe("MSFT", { rate: 2 })
  await settle()
  const [first, second] = all.requests
  for (const [request, symbol, cursor] of [[first, "AAPL", "7.1"], [second, "MSFT", "7.2"]]) {
    await request.begin()
    await request.say(WELCOME)
    await request.say(ack("quote", [symbol], { resume: cursor }))
  }
  await first.end()
  assert.deepEqual([all.feed.status.state, second.aborted], ["waiting", true])
  await all.time.pass(1_000)
  assert.deepEqual(all.requests.slice(2).map(({ query }) => [query.symbols, query.cursor]), [["AAPL", "7.1"], ["MSFT", "7.2"]])
})

test("an epoch that several streams tell is told once", async () => {
  const all = world({ transport: "events" })
  all.feed.subscribe("AAPL", { rate: 1 })
  all.feed.subscribe("MSFT", { rate: 2 })
  await settle()
  for (const request of all.requests) {
    await request.begin()
    await request.say(WELCOME)
  }
  for (const request of all.requests) await request.say({ type: "epoch", epoch: "a005c1c1", reason: "seek" })
  assert.deepEqual(all.told("epoch").map(({ reason }) => reason), ["seek"])
})

test("a hidden page's streams are opened anew at its rate", async () => {
  const all = world({ transport: "events" })
  all.feed.subscribe("AAPL", { rate: 5 })
  await settle()
  await all.hide(true)
  assert.deepEqual([all.request.query.rate, all.requests.length], ["0.1", 2])
  await all.hide(false)
  assert.deepEqual([all.request.query.rate, all.requests.length], ["5", 3])
})

test("use switches while running, and close ends everything", async () => {
  const all = await opened()
  await all.socket.say(ack("quote", ["AAPL"], { resume: "7.5" }))
  all.feed.use({ transport: "poll" })
  await settle()
  assert.deepEqual([all.request.path, all.request.query.cursor, all.sockets[0].readyState], ["/prefix/v1/poll", "7.5", 2])
  all.feed.use({ transport: "websocket", encoding: "sbe" })
  await settle()
  assert.deepEqual(all.socket.protocols, ["tickerfeed.v1.sbe"])
  all.feed.close()
  assert.equal(all.feed.status.state, "closed")
  await all.time.pass(600_000)
  assert.deepEqual([all.sockets.length, all.requests.length, all.time.waiting], [2, 1, 0])
})

test("a day of a server that comes and goes, on a quiet clock", async () => {
  const all = await opened(), began = all.time.at
  let opens = 0
  while (all.time.at - began < 86_400_000) {
    await all.socket.end(1006)
    const { retryAt } = all.feed.status
    assert.ok(retryAt - all.time.at <= 30_000)
    await all.time.pass(retryAt - all.time.at)
    await all.socket.welcome()
    opens++
    all.time.at += 60_000
  }
  assert.ok(opens > 1_000 && all.feed.counts.reconnects === opens)
})
