// TickerFeed for browsers and Node 20: subscriptions that stay, over WebSocket, events or polls.
//
//   subscribe() → subscriptions → sync() → a link: one WebSocket, or up to 4 event streams or polls
//   listeners  ←  data(): versions, books  ←  take()  ←  parse() or decode()
//
// What is subscribed is a state, not a log of calls: sync() tells a link what it has not been told, a new
// link all of it, from the cursor on. So nothing is queued, and nothing lost goes unsaid ("gap").
// The contract is docs/PROTOCOL.md, the guide docs/BROWSER.md.

const TIMES = ["ts", "recv", "sent", "start", "expires"]
const LONG = /("(?:ts|recv|sent|start|expires)":|[[,])(-?[\d.]{16,})(?=[,\]}])/g

/** Messages of a text. Times, and long decimals in levels, stay text: a double would round them. */
export function parse(text) {
  let value
  try { value = JSON.parse(text.replace(LONG, '$1"$2"')) } catch { value = JSON.parse(text) }
  const messages = [value].flat()
  for (const message of messages) {
    for (const name of TIMES) if (name in message) message[name] = `${message[name]}`
  }
  return messages
}

// Fields behind the common 32 bytes: decimals of a number, or t time, n number, i id, c CRC, w word, r reason.
const TEMPLATES = {
  1: "quote 9:bid 8:bid_size 9:ask 8:ask_size",
  2: "trade 9:price 8:size i:trade_id n:count 9:high 9:low w:side",
  3: "book c:crc",
  4: "bar t:start 9:open 9:high 9:low 9:close 8:volume 9:vwap n:count w:interval",
  5: "stats 9:open 9:high 9:low 9:last 9:change 8:volume 9:vwap n:count",
  6: "status w:market w:feed r:reason",
  9: "trade i:broken 9:price 8:size",
}
const WORDS = {
  side: [, "buy", "sell"], interval: ["1s", "1m"], feed: ["live", "quiet", "stale", "suspect"],
  market: ["closed", "trading", "halted", "paused", "auction"],
}

/** Messages of a binary frame, as JSON has them. `names`: the connection's symbols by number. */
export function decode(buffer, names) {
  const messages = []
  for (let at = 0; at < buffer.byteLength;) {
    const head = new DataView(buffer, at, 8), length = head.getUint16(0, true), template = head.getUint16(2, true)
    if (head.getUint16(4, true) !== 7400) throw new RangeError("not TickerFeed's schema")
    // A view of the block alone: what is too short throws instead of reading its neighbour.
    const view = new DataView(buffer, at += 8, length), long = place => view.getBigInt64(place, true)
    const text = (place, end) => String.fromCharCode(...new Uint8Array(buffer, at + place, end)).replace(/\0+$/, "")
    if (template === 7) names.set(view.getUint32(0, true), text(16, 24))
    else if (template === 8) Object.assign(messages.at(-1), { recv: `${long(0)}`, sent: `${long(8)}` })
    else if (!TEMPLATES[template]) messages.push({ type: null, template })
    else {
      const sym = names.get(view.getUint32(8, true)), flags = view.getUint32(12, true)
      if (!sym) throw new RangeError("a symbol without a name")
      const [type, ...fields] = TEMPLATES[template].split(" ")
      const message = { type, sym, seq: Number(long(16)), ts: `${long(24)}`, prev: Number(long(0)) }
      let place = 32
      for (const field of fields) {
        const [kind, name] = field.split(":")
        message[name] = kind === "w" ? WORDS[name][view.getUint8(place)] : kind === "r" ? text(place, 4)
          : kind === "c" ? view.getUint32(place, true) : kind === "n" ? Number(long(place))
          : kind > "9" ? `${view.getBigUint64(place, true)}` : number(decimal(long(place), +kind))
        place += kind === "w" ? 1 : kind > "9" && "rc".includes(kind) ? 4 : 8
      }
      if (flags & 1) message.snap = true
      if (flags & 2) message.crossed = true
      if (type === "bar") message.closed = !!(flags & 4)
      if (!(flags & 8)) delete message.crc
      if (template === 2 && !message.count) delete message.count, delete message.high, delete message.low
      if (message.trade_id === "0") delete message.trade_id
      if (template === 2 && !message.side) delete message.side
      if (template === 9 && message.size === null) delete message.price, delete message.size
      messages.push(message)
    }
    at += length
    if (template !== 3) continue
    for (const side of ["bids", "asks"]) {
      const group = new DataView(buffer, at, 4), size = group.getUint16(0, true), count = group.getUint16(2, true)
      at += 4
      messages.at(-1)[side] = Array.from({ length: count }, (_, i) => {
        const level = new DataView(buffer, at + i * size, size)
        return [decimal(level.getBigInt64(0, true), 9), decimal(level.getBigInt64(8, true), 8)]
      })
      at += size * count
    }
  }
  return messages
}

// A decimal of fixed point: a number where a double holds it, else its text. The least Int64 is null.
function decimal(units, digits) {
  if (units === -(2n ** 63n)) return null
  if (Math.abs(Number(units)) < 2 ** 50) return Number(units) / 10 ** digits
  return `${units}`.slice(0, -digits) + "." + `${units}`.slice(-digits)
}
const number = value => value === null ? null : Number(value)

// And back, exactly.
function fixed(value, digits) {
  const rough = value * 10 ** digits
  if (Math.abs(rough) < 2 ** 50) return BigInt(Math.round(rough))
  const [whole, part = ""] = `${value}`.split(".")
  return BigInt(whole + part.padEnd(digits, "0"))
}

const TABLE = Array.from({ length: 256 }, (_, crc) => {
  for (let bit = 8; bit--;) crc = crc & 1 ? crc >>> 1 ^ 0xedb88320 : crc >>> 1
  return crc
})

/** CRC-32 of levels in the units of the wire. */
export function checksum(levels) {
  const view = new DataView(new ArrayBuffer(16 * levels.length))
  levels.forEach(([price, size], i) => {
    view.setBigInt64(16 * i, fixed(price, 9), true)
    view.setBigInt64(16 * i + 8, fixed(size, 8), true)
  })
  let crc = -1
  for (const byte of new Uint8Array(view.buffer)) crc = crc >>> 8 ^ TABLE[(crc ^ byte) & 255]
  return ~crc >>> 0
}

/** Reads server-sent events from pieces of text, cut anywhere. */
export function events(take) {
  let rest = "", block = {}
  return piece => {
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop()
    for (const line of lines) {
      const [, name, value] = /^([^:]*):? ?(.*)/.exec(line)
      if (line) block[name] = name === "data" && block.data !== undefined ? block.data + "\n" + value : value
      else take(block), block = {}
    }
  }
}

function listeners() {
  const all = {}
  return {
    on(name, listener) {
      (all[name] ??= new Set()).add(listener)
      return () => all[name].delete(listener)
    },
    tell(name, ...what) {
      for (const listener of [...all[name] ?? []]) {
        try { listener(...what) } catch (error) { console.error(error) }
      }
    },
  }
}

const topicOf = (channel, interval = "1m") => channel === "bar" ? `bar.${interval}` : channel
const covers = (asked, key) => asked.endsWith("*") ? key.startsWith(asked.slice(0, -1)) : asked === key
const OWN = { trade: ["mode"], book: ["depth", "crc"], bar: ["interval"] }

const MALFORMED = "protocol", RENEWABLE = /^(unauthenticated|token_expired)$/
const FINAL = /^(unauthenticated|token_expired|forbidden|entitlement_withdrawn|bad_request|protocol)$/
const CLOSES = {
  1002: MALFORMED, 1003: MALFORMED, 1007: MALFORMED, 1008: "policy", 1009: MALFORMED, 1010: MALFORMED,
  4401: "token_expired", 4403: "entitlement_withdrawn", 4408: "too_slow", 4429: "limit_operations",
}

/** A feed; docs/BROWSER.md has the options, events and what is resumed. */
export function connect(options = {}) {
  const { token, hiddenRate = 0.1, random = Math.random, visibility = globalThis.document,
    WebSocket = globalThis.WebSocket, fetch = (...all) => globalThis.fetch(...all), timers = {
      now: () => Date.now(), setTimeout: (call, ms) => setTimeout(call, ms), clearTimeout: id => clearTimeout(id),
    } } = options
  let { transport = "auto", encoding = "json" } = options
  const base = new URL(options.url ?? ".", import.meta.url).href.replace(/^ws/, "http").replace(/\/?$/, "/")
  const { on, tell } = listeners(), subscriptions = new Set(), versions = new Map(), routed = new Map()
  // Keys that the server has acknowledged in this epoch, each with the place up to which it came.
  const begun = new Map(), mending = new Set()
  const counts = { messages: 0, bytes: 0, gaps: 0, losses: 0, reconnects: 0, merged: 0 }
  let epoch, current, spare, level, why = null, attempt = 0, climbs = 0, waiting, climbing, planned, shown, kbps
  let mended = -1000, opened = false

  function request({ channel, background, ...said }) {
    const asked = { rate: said.rate }
    for (const name of ["stamps", "on_slow", ...OWN[channel] ?? []]) asked[name] = said[name]
    // Trades one by one and words of status are no state that a slower rate could thin out.
    const every = channel === "status" || channel === "trade" && said.mode !== "latest"
    if (visibility?.hidden && hiddenRate !== null && background !== "full" && !every && !(said.rate <= hiddenRate)) {
      asked.rate = hiddenRate
    }
    return asked
  }

  function wanted() {
    const all = new Map()
    for (const { keys, options } of subscriptions) {
      if (visibility?.hidden && options.background === "off") continue
      for (const key of keys) all.delete(key), all.set(key, request(options))
    }
    return all
  }

  function routes(key) {
    if (!routed.has(key)) routed.set(key, [...subscriptions].filter(one => one.keys.some(asked => covers(asked, key))))
    return routed.get(key)
  }

  function plan() {
    if (!planned) queueMicrotask(() => { planned = false; if (current?.open) sync(current) })
    planned = true
  }

  // Brings a link from what it was asked to what is wanted.
  function sync(link) {
    const want = wanted()
    let ended = false
    for (const key of begun.keys()) if (!want.has(key)) ended = begun.delete(key)
    if (ended) for (const key of versions.keys()) if (![...want.keys()].some(one => covers(one, key))) versions.delete(key)
    link.kind === "websocket" ? ask(link, want) : regroup(link, want)
    mending.clear()
    shown = false
  }

  function ask(link, want) {
    const groups = new Map(), { asked } = link
    const add = (op, key, said) => {
      const [topic, symbol] = key.split(" "), [channel, interval] = topic.split(".")
      const fields = { op, channel, interval, ...said }, id = JSON.stringify(fields)
      if (!groups.has(id)) groups.set(id, [fields, []])
      groups.get(id)[1].push(symbol)
    }
    for (const key of asked.keys()) {
      if (want.has(key)) continue
      asked.delete(key)
      add("unsubscribe", key)
      // The server ends with it what overlaps, name or pattern: asked again below.
      for (const one of asked.keys()) if (covers(one, key) || covers(key, one)) asked.delete(one)
    }
    for (const [key, said] of want) {
      const before = asked.get(key), rateOnly = { ...said, rate: before?.rate }
      if (before && JSON.stringify(before) === JSON.stringify(said)) continue
      asked.set(key, said)
      // A page that shows again begins with a snapshot: states at once, whatever the rate was.
      if (!shown && before && JSON.stringify(before) === JSON.stringify(rateOnly)) add("set", key, { rate: said.rate ?? 10 })
      else add("subscribe", key, { ...said, resume: begun.get(key)?.text })
    }
    for (const key of mending) {
      const to = routes(key).at(-1)
      if (to) add("subscribe", key, request(to.options))
    }
    for (const [fields, symbols] of groups.values()) {
      while (symbols.length) link.queue.push({ ...fields, symbols: symbols.splice(0, 512) })
    }
    if (link.kbps !== kbps) link.queue.push({ op: "set", max_kbps: link.kbps = kbps })
    pump(link)
  }

  // At most 48 operations a second: the server allows 50, and a ping is one.
  function pump(link) {
    if (link.dead || link.pumping || !link.queue.length) return
    send(link, link.queue.shift())
    link.pumping = timers.setTimeout(() => { link.pumping = 0; pump(link) }, 21)
  }

  function send({ socket }, message) {
    if (socket?.readyState === 1) socket.send(JSON.stringify(message))
  }

  function regroup(link, want) {
  }

  function take(link, one, message, bytes) {
    const { type } = message
    counts.messages++
    counts.bytes += bytes
    if (message.resume) one.place = Object.assign(one.place, { text: message.resume, at: timers.now() })
    if (type === "welcome") {
      arm(one, Math.max(3000, 3 * message.heartbeat_ms), () => ended(link, { code: "silent", message: "nothing came" }))
      if (epoch && epoch !== message.epoch) forget(), tell("epoch", { type: "epoch", epoch: message.epoch, reason: "restart" })
      epoch = message.epoch
      link.welcomed = true
      if (link.socket && link.bearer) send(link, { op: "auth", id: "auth", token: link.bearer })
      else ready(link)
    } else if (type === "ack") acknowledged(link, one, message)
    else if (type === "error" && message.id === "auth" && !link.open) ended(link, message)
    else if (type === "goodbye") link.goodbye = message
    else if (type === "expiring") renew(link)
    else if (type === "epoch") {
      one.place.text = undefined
      forget(one.keys?.map(([key]) => key))
      if (epoch === message.epoch) return
      epoch = message.epoch
    } else if (type === "pong" && message.id === "rtt") link.rtt = timers.now() - link.pinged
    else if (type === "heartbeat") {
      const { lag_ms, buffered, merged, rates } = message
      tell("lag", { lag_ms, buffered, merged, rates, rtt_ms: link.rtt ?? null })
      link.pinged = timers.now()
      send(link, { op: "ping", id: "rtt" })
    } else if (type === "gap") return gap(message)
    else if (message.sym) data(message)
    tell(type, message)
  }

  function acknowledged(link, one, message) {
    const { channel, interval, symbols = [], refused = [] } = message
    if (message.id === "auth" && !link.open) ready(link)
    const keys = symbols.map(symbol => `${topicOf(channel, interval)} ${symbol}`)
    if (message.resumed === false) forget(keys)
    for (const key of keys) begun.set(key, one.place)
    for (const { symbol, code } of refused) if (code !== "not_subscribed") refuse(topicOf(channel, interval), symbol, code)
  }

  function refuse(topic, symbol, code) {
    const said = { channel: topic.split(".")[0], symbol, code }
    tell("refused", said)
    for (const { keys, tell } of subscriptions) if (keys.includes(`${topic} ${symbol}`)) tell("refused", said)
  }

  // Another life of the feed: versions and books of the old one mean nothing any more.
  function forget(keys) {
    for (const key of [...versions.keys()].filter(key => !keys || keys.some(one => covers(one, key)))) {
      versions.delete(key)
      for (const { state } of routes(key)) state.delete(key.split(" ")[1])
    }
    for (const key of keys ?? begun.keys()) begun.delete(key)
  }

  function gap(message) {
    const key = `${topicOf(message.channel, message.interval)} ${message.sym}`, entry = versions.get(key)
    // It may reach back before what was resumed: what is here is not lost.
    if (message.to <= entry?.last) return
    versions.set(key, { ...entry, last: message.to })
    counts.gaps++
    say(key, message)
  }

  function say(key, message) {
    tell("gap", message)
    for (const one of routes(key)) one.tell("gap", message)
  }

  function lost(key, message, from, to, reason) {
    counts.losses++
    const { type, sym, interval } = message
    say(key, { type: "gap", sym, channel: type, interval, from, to, reason })
    mending.add(key)
    // Once a second at most: a fault that stays must not become a storm.
    mended = Math.max(mended + 1000, timers.now())
    timers.setTimeout(plan, mended - timers.now())
  }

  function data(message) {
    const { type, sym, seq, prev, snap, interval } = message, key = `${topicOf(type, interval)} ${sym}`
    const to = routes(key), entry = versions.get(key) ?? {}, { last } = entry
    const levels = type === "book" && [message.bids, message.asks]
    if (levels) [message.bids, message.asks] = levels.map(side => side.map(level => level.map(Number)))
    const single = type === "status" || type === "trade" && to.at(-1)?.options.mode !== "latest"
    if (!to.length || seq <= last && (!snap || single || type === "bar")) return
    versions.set(key, entry)
    const from = snap ? single && !prev ? seq - 1 : last : prev
    if (from > last) lost(key, message, last + 1, from, "loss")
    if (prev) counts.merged += seq - prev - 1
    entry.last = seq
    if (levels) {
      if (snap) entry.sides = [new Map(), new Map()]
      else if (prev !== last || !entry.sides) return entry.sides = null
      if (!build(entry, levels, message)) return lost(key, message, seq, seq, "crc")
    }
    entry.message = message
    for (const { state, tell } of to) {
      state.set(sym, entry.book ?? message)
      tell("update", message, entry.book)
    }
  }

  function build(entry, levels, { crc }) {
    const [bids, asks] = entry.sides.map((side, i) => {
      for (const [price, size] of levels[i]) +size ? side.set(price, size) : side.delete(price)
      const order = i ? 1 : -1
      return [...side].sort(([a], [b]) => order * (a - b || (fixed(a, 9) > fixed(b, 9) ? 1 : -1)))
    })
    const ok = crc === undefined || crc === checksum([...bids, ...asks])
    if (!ok) entry.sides = null, entry.book && (entry.book.ok = false)
    else entry.book = { bids: bids.map(level => level.map(Number)), asks: asks.map(level => level.map(Number)), ok }
    return ok
  }

  function arm(one, silence, call) {
    timers.clearTimeout(one.timer)
    one.silence = silence
    one.timer = timers.setTimeout(function check() {
      const left = Math.min(silence, one.heard + silence - timers.now())
      if (left > 0) one.timer = timers.setTimeout(check, left)
      else call()
    }, silence)
  }

  function hear(link, one, bytes, read) {
    if (link.dead) return
    one.heard = timers.now()
    try {
      for (const message of read()) {
        take(link, one, message, bytes)
        tell("message", message, bytes)
        bytes = 0
      }
    } catch (error) {
      console.warn("tickerfeed: what came is not understood", error)
      ended(link, { code: "bad_bytes", message: `${error}` })
    }
  }

  function report(state, reason, retryAt = null) {
    const kind = current?.kind ?? level
    feed.status = { state, transport: kind, encoding: kind === "websocket" ? encoding : "json", attempt, retryAt, reason,
      fallback: transport === "auto" && level !== "websocket" }
    tell("status", feed.status)
  }

  function begin() {
    stop()
    current = open(level)
    report("connecting", why)
  }

  function open(kind) {
    const link = { kind, asked: new Map(), queue: [], streams: new Set(), place: {}, heard: timers.now() }
    start(link).catch(error => ended(link, { code: "failed", message: `${error}` }))
    return link
  }

  async function start(link) {
    link.bearer = typeof token === "function" ? await token() : token
    if (link.dead) return
    if (link.kind !== "websocket") return sync(link)
    const names = new Map()
    const socket = link.socket = new WebSocket(`${base.replace("http", "ws")}v1/stream`, [`tickerfeed.v1.${encoding}`])
    socket.binaryType = "arraybuffer"
    arm(link, 5000, () => ended(link, { code: "websocket_blocked", message: "no welcome in 5 s" }))
    socket.onerror = () => {}
    socket.onmessage = ({ data }) => hear(link, link, data.length ?? data.byteLength,
      () => typeof data === "string" ? parse(data) : decode(data, names))
    socket.onclose = ({ code, reason }) => {
      const { goodbye } = link, name = code === 1008 && /token/.test(reason) ? "unauthenticated" : CLOSES[code]
      ended(link, { code: goodbye?.code ?? name ?? "lost", message: reason || `closed with ${code}` },
        goodbye?.reconnect_after_ms ?? (code === 4429 ? 5000 : 0))
    }
  }

  function ready(link) {
    if (link === spare) {
      drop(current)
      timers.clearTimeout(waiting)
      current = link
      spare = null
    }
    link.open = true
    link.since = timers.now()
    if (link.kind === "websocket") level = link.kind, climbs = 0, why = null
    if (opened) counts.reconnects++
    opened = true
    report("open", why)
    sync(link)
  }

  function drop(link) {
    if (!link || link.dead) return
    link.dead = true
    timers.clearTimeout(link.timer)
    timers.clearTimeout(link.pumping)
    if (link.socket) link.socket.onmessage = link.socket.onclose = null, link.socket.close()
    for (const one of link.streams) one.close()
  }

  function ended(link, reason, least = 0) {
    if (link.dead) return
    drop(link)
    if (link === spare) return climb()
    if (timers.now() - link.since >= 10000) attempt = 0
    retry(reason, least)
  }

  function climb() {
  }

  function retry({ code, message, hint }, least) {
    const reason = { code, message, hint }
    if (FINAL.test(code) && !(RENEWABLE.test(code) && typeof token === "function")) return stop(), report("closed", reason)
    const wait = least + random() * Math.min(30000, 500 * 2 ** attempt++)
    waiting = timers.setTimeout(begin, wait)
    report("waiting", reason, timers.now() + wait)
  }

  async function renew(link) {
    if (typeof token !== "function" || !link.socket) return
    try { send(link, { op: "auth", id: "auth", token: await token() }) } catch (error) { console.warn(error) }
  }

  function stop() {
    for (const link of [current, spare]) drop(link)
    for (const timer of [waiting, climbing]) timers.clearTimeout(timer)
    spare = null
  }

  function subscribe(symbols, { channel = "quote", ...said } = {}) {
    const { on, tell } = listeners(), state = new Map(), options = { channel, ...said }
    const keys = [symbols].flat().map(symbol => `${topicOf(channel, said.interval)} ${symbol}`)
    const one = { keys, options, state, tell }
    const change = () => { routed.clear(); plan() }
    subscriptions.add(one)
    change()
    // Who comes second to a subscription gets what the first has: the server has nothing new to say.
    queueMicrotask(() => {
      for (const [key, { message, book }] of versions) {
        if (!message || !routes(key).includes(one)) continue
        state.set(message.sym, book ?? message)
        tell("update", message, book)
      }
    })
    return {
      on, state,
      set(changes) { Object.assign(options, changes); plan() },
      close() { subscriptions.delete(one); change() },
    }
  }

  const visible = () => { shown = !visibility.hidden; plan() }
  visibility?.addEventListener?.("visibilitychange", visible)
  const feed = {
    on, subscribe, counts,
    set(changes) { kbps = changes.max_kbps; plan() },
    use(changes) {
      transport = changes.transport ?? transport
      encoding = changes.encoding ?? encoding
      level = transport !== "auto" ? transport : WebSocket ? "websocket" : "events"
      why = null
      attempt = 0
      begin()
    },
    close() {
      visibility?.removeEventListener?.("visibilitychange", visible)
      stop()
      report("closed", null)
    },
  }
  feed.use({})
  return feed
}
