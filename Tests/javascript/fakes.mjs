// A world without clocks and networks for tickerfeed.js: time passes when a test says so, sockets and answers are
// a test's own, and chance has a seed.

/** The source, or what MODULE names: the small one that is served. */
export const module = await import(process.env.MODULE ?? "../../clients/javascript/tickerfeed.js")
const { connect } = module

/** Lets everything run that waits for nothing but a turn: promises and streams. */
export const settle = async () => { for (let turn = 0; turn < 12; turn++) await new Promise(done => setImmediate(done)) }

/** Time that stands until `pass` moves it, calling what is due in order. */
export class Time {
  at = 1_795_240_000_000
  #due = []
  #count = 0
  timers = {
    now: () => this.at,
    setTimeout: (call, wait) => {
      this.#due.push({ at: this.at + wait, id: ++this.#count, call })
      return this.#count
    },
    clearTimeout: id => { this.#due = this.#due.filter(one => one.id !== id) },
  }

  async pass(milliseconds) {
    const end = this.at + milliseconds
    await settle()
    for (;;) {
      const [next] = this.#due.filter(one => one.at <= end).sort((one, other) => one.at - other.at || one.id - other.id)
      if (!next) break
      this.at = Math.max(this.at, next.at)
      this.timers.clearTimeout(next.id)
      next.call()
      await settle()
    }
    this.at = end
  }

  get waiting() { return this.#due.length }
}

/** xorshift32: 0 ≤ value < 1, the same for the same seed. */
export function seeded(seed) {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

export const WELCOME = {
  type: "welcome", protocol: 1, server: "tickerd/0.1.0", session: "1", epoch: "9f96f3d5", heartbeat_ms: 1000,
  limits: { symbols: 512, message_bytes: 65536 },
}

/** One end of an event stream or poll that a test answers piece by piece. */
class Request {
  constructor(url, { headers, signal }) {
    this.url = new URL(url)
    this.path = this.url.pathname
    this.query = Object.fromEntries(this.url.searchParams)
    this.headers = headers
    this.answered = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    signal?.addEventListener("abort", () => {
      this.aborted = true
      this.reject(new DOMException("aborted", "AbortError"))
      try { this.pipe?.error(new DOMException("aborted", "AbortError")) } catch { /* it had ended */ }
    })
  }

  answer(status, body = null, headers = {}) {
    this.resolve(new Response(body, { status, headers }))
    return settle()
  }

  /** Answers with 200 and a body that `write` goes on with. */
  begin() {
    return this.answer(200, new ReadableStream({ start: pipe => { this.pipe = pipe } }))
  }

  write(text) {
    this.pipe.enqueue(new TextEncoder().encode(text))
    return settle()
  }

  say(message, id) {
    return this.write(`event: ${message.type}\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(message)}\n\n`)
  }

  fail() {
    this.reject(new TypeError("fetch failed"))
    return settle()
  }

  end() {
    this.pipe.close()
    return settle()
  }
}

/** A feed with all that it touches; `world.socket` and `world.request` are the newest of their kind. */
export function world(options = {}) {
  const time = new Time(), sockets = [], requests = [], told = [], page = { hidden: false, listeners: [] }
  class Socket {
    readyState = 0
    sent = []
    constructor(url, protocols) {
      Object.assign(this, { url, protocols: [protocols].flat() })
      sockets.push(this)
    }

    send(text) {
      if (this.readyState !== 1) throw new Error(`sent in state ${this.readyState}`)
      this.sent.push(JSON.parse(text))
    }

    close() { this.readyState = Math.max(this.readyState, 2) }

    say(...messages) {
      for (const data of messages) this.onmessage?.({ data: typeof data === "object" && !(data instanceof ArrayBuffer) ? JSON.stringify(data) : data })
      return settle()
    }

    /** Opens it and says the welcome. */
    async welcome(fields) {
      this.readyState = 1
      this.onopen?.({})
      await this.say({ ...WELCOME, ...fields })
    }

    end(code, reason = "") {
      this.readyState = 3
      this.onclose?.({ code, reason })
      return settle()
    }

    /** What was asked besides pings. */
    get asked() { return this.sent.filter(({ op }) => op !== "ping") }
  }
  const feed = connect({
    url: "http://host/prefix", random: seeded(7), timers: time.timers, WebSocket: Socket,
    fetch: (url, said) => {
      const request = new Request(url, said)
      requests.push(request)
      return request.answered
    },
    visibility: {
      get hidden() { return page.hidden },
      addEventListener: (_, listener) => page.listeners.push(listener),
      removeEventListener: (_, listener) => { page.listeners = page.listeners.filter(one => one !== listener) },
    },
    ...options,
  })
  const names = ["status", "gap", "refused", "epoch", "lag", "error", "goodbye", "expiring", "message"]
  for (const name of names) feed.on(name, what => told.push([name, what]))
  return {
    feed, time, sockets, requests, page, Socket,
    get socket() { return sockets.at(-1) },
    get request() { return requests.at(-1) },
    /** What listeners of the feed were told under a name. */
    told: name => told.filter(([one]) => one === name).map(([, what]) => what),
    async hide(hidden) {
      page.hidden = hidden
      for (const listener of page.listeners) listener()
      await settle()
    },
    /** A WebSocket that never opens and a server that answers. */
    async block() {
      await settle()
      await sockets.at(-1).end(1006)
      await requests.at(-1).answer(200, '{"type":"preflight","ok":true,"problems":[]}')
    },
  }
}

/** What listeners of a subscription were told, in order. */
export function follow(subscription) {
  const said = []
  for (const name of ["update", "gap", "refused"]) subscription.on(name, (what, book) => said.push({ name, what, book }))
  return {
    said,
    get seqs() { return said.filter(({ name }) => name === "update").map(({ what }) => what.seq) },
    get gaps() { return said.filter(({ name }) => name === "gap").map(({ what }) => [what.from, what.to, what.reason]) },
  }
}

/** A message of a trade or quote as short as a test needs it. */
export const trade = (seq, prev, more) => ({ type: "trade", sym: "AAPL", seq, price: 270.27, size: 13, ts: 1, prev, ...more })
export const quote = (seq, prev, more) => ({
  type: "quote", sym: "AAPL", seq, bid: 270.26, bid_size: 2, ask: 270.28, ask_size: 1, ts: 1, prev, ...more,
})
export const ack = (channel, symbols, more) => ({ type: "ack", channel, symbols, rate: 10, resume: "9f96f3d5.1", ...more })
