// TickerFeed for browsers and Node: subscriptions that last, over WebSocket, events or polls. docs/BROWSER.md
//
//	subscribe() → wanted() → sync() → a link: one WebSocket, or up to 4 streams of events or polls
//	listeners ← data(): versions, books ← take() ← parse() or decode()
//
// What is wanted is state, no log of calls: sync() tells a link what it was not told yet, a new link all of
// it, from the cursor on. So nothing queues up, and what is lost is said ("gap"). `m` is always a message.

/** A text's messages. Times and the long decimals of books stay text: a double would round them. */
export function parse(text) {
	const read = json => [JSON.parse(json)].flat()
	const exact = /("(?:ts|recv|sent|start|expires)":|[[,](?=-?[\d.]{16}))(-?[\d.]+)(?=[,\]}])/g
	try { return read(text.replace(exact, '$1"$2"')) } catch { return read(text) }
}

// Fields behind the first 32 bytes; the last letter is for decimals, Time, Number, Maybe one, Id, Word, Crc, Reason.
const TEMPLATES = [, "quote bid9 bid_size8 ask9 ask_size8",
	"trade price9 size8 trade_idI countM high9 low9 sideW", "book crcC",
	"bar startT open9 high9 low9 close9 volume8 vwap9 countN intervalW",
	"stats open9 high9 low9 last9 change9 volume8 vwap9 countN", "status marketW feedW reasonR", , ,
	"trade brokenI price9 size8"].map(text => text.split(" "))
const WORDS = {side: [, "buy", "sell"], interval: ["1s", "1m"], feed: ["live", "quiet", "stale", "suspect"],
	market: ["closed", "trading", "halted", "paused", "auction"]}

/** A binary frame's messages, as JSON has them. `names`: this connection's symbols by number. */
export function decode(buffer, names) {
	const all = [], view = new DataView(buffer)
	let at = 0, end
	const long = () => view.getBigInt64((at += 8) - 8, true), whole = () => BigInt.asUintN(64, long())
	const int = () => view.getUint32((at += 4) - 4, true), short = () => view.getUint16((at += 2) - 2, true)
	const bytes = size => new Uint8Array(buffer, (at += size) - size, size)
	const text = size => String.fromCharCode(...bytes(size)).replace(/\0+$/, "")
	const number = (digits, units = long()) => units === -(2n ** 63n) ? null : +decimal(units, digits)
	const read = {9: () => number(9), 8: () => number(8), T: () => `${long()}`, N: () => Number(whole()),
		M: () => Number(long()) || null, I: () => `${whole() || ""}` || null, C: int, R: () => text(4),
		W: name => WORDS[name][view.getUint8(at++)]}
	for (; at < buffer.byteLength; at = end) {
		const length = short(), template = short(), [type, ...fields] = TEMPLATES[template] ?? []
		if (short() !== 7400) throw RangeError("another schema")
		end = (at += 2) + length
		if (template === 7) names.set(int(), (at += 12, text(24)))
		else if (template === 8) Object.assign(all.at(-1), {recv: read.T(), sent: read.T()})
		else if (!type) all.push({type: null, template})
		else {
			const prev = read.N(), sym = names.get(int()), flags = int()
			const m = {type, sym, seq: read.N(), ts: read.T(), prev}
			all.push(m)
			for (const field of fields) {
				const name = field.slice(0, -1), value = read[field.at(-1)](name)
				// Of a trade what the source does not say is left out; a sum beyond 64 bits is null.
				if (value != null || type !== "trade" || template === 2 && name === "size") m[name] = value
			}
			if (flags & 1) m.snap = true
			if (flags & 2) m.crossed = true
			if (type === "bar") m.closed = !!(flags & 4)
			if (!(flags & 8)) delete m.crc
			if (at > end) throw RangeError("a short block")
			at = end
			for (const side of type === "book" ? ["bids", "asks"] : []) {
				const more = short() - 16
				m[side] = Array.from({length: short()}, () => {
					const level = [decimal(long(), 9), decimal(long(), 8)]
					at += more
					return level
				})
			}
			end = at
		}
	}
	return all
}

// Fixed point as a number, or as text where a double would round it; and back.
function decimal(units, digits) {
	const text = `${units}`, value = Number(units)
	if (Math.abs(value) < 2 ** 50) return value / 10 ** digits
	return text.slice(0, -digits) + "." + text.slice(-digits)
}
function fixed(value, digits) {
	const units = value * 10 ** digits, [whole, part = ""] = `${value}`.split(".")
	return BigInt(Math.abs(units) < 2 ** 50 ? Math.round(units) : whole + part.padEnd(digits, 0))
}

/** CRC-32 of a book's levels, bids before asks, in the wire's units. */
export function checksum(levels) {
	let crc = -1
	const units = BigInt64Array.from(levels.flatMap(([price, size]) => [fixed(price, 9), fixed(size, 8)]))
	for (const byte of new Uint8Array(units.buffer)) {
		crc ^= byte
		for (let bit = 8; bit--;) crc = crc >>> 1 ^ (crc & 1) * 0xedb88320
	}
	return ~crc >>> 0
}

/** Reads server-sent events from pieces of text, cut anywhere. */
export function events(take) {
	let rest = "", block = {}
	return piece => {
		const lines = (rest + piece).split(/\r?\n/)
		rest = lines.pop()
		for (const line of lines) {
			const [, name, value] = /([^:]*):? ?(.*)/.exec(line)
			if (line) block[name] = value
			else take(block), block = {}
		}
	}
}

function listeners() {
	const all = {__proto__: null}
	return {
		on(name, listener) {
			const heard = all[name] ??= new Set()
			heard.add(listener)
			return () => heard.delete(listener)
		},
		tell(name, ...what) {
			for (const listener of all[name] ?? []) {
				try { listener(...what) } catch (error) { console.error(error) }
			}
		},
	}
}

// What the server has one subscription for; the symbol, last, may be a pattern.
const keyOf = (channel, interval = "1m", symbol) =>
	`${channel} ${channel === "bar" ? interval : ""} ${symbol}`
const covers = (asked, key) => asked === key || asked.endsWith("*") && key.startsWith(asked.slice(0, -1))
const numbers = levels => levels.map(level => level.map(Number))
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other)
const isSingle = ({channel, mode}) => channel === "status" || channel === "trade" && mode !== "latest"

const CODES = {401: "unauthenticated", 403: "forbidden", 4401: "token_expired", 4403: "entitlement_withdrawn",
	4408: "too_slow", 4429: "limit_operations"}
const FINAL = new Set(["forbidden", "entitlement_withdrawn", "bad_request", "protocol"])
for (const code of [1002, 1003, 1007, 1009, 1010]) CODES[code] = "protocol"

/** A feed; docs/BROWSER.md has its options, events and methods. */
export function connect(options = {}) {
	const {
		url = ".", token, hiddenRate = 0.1, random = Math.random, visibility = globalThis.document,
		fetch = globalThis.fetch, WebSocket = globalThis.WebSocket,
		timers: {now = Date.now, setTimeout, clearTimeout} = globalThis,
	} = options
	let {transport: wish = "auto", encoding = "json"} = options
	const base = new URL(url, import.meta.url).href.replace(/^ws/, "http").replace(/\/?$/, "/v1/")
	const {on, tell} = listeners(), subscriptions = new Set(), renewable = typeof token === "function"
	// By key: versions and books, who listens, and the place up to which the server was heard.
	const versions = new Map(), routed = new Map(), begun = new Map()
	// Keys to subscribe to again.
	const mending = new Set()
	const counts = {messages: 0, bytes: 0, gaps: 0, losses: 0, reconnects: -1, merged: 0}
	let current, spare, level, why, epoch, attempt, climbs, waiting, climbing, planned, shown, limit, hushed
	let mended = 0

	// Options by key; of two subscriptions with one key the later one's.
	function wanted() {
		const want = new Map(), hidden = visibility?.hidden
		for (const {keys, options} of subscriptions) {
			const {channel, background, rate, stamps, on_slow, mode, depth, crc} = options
			const own = channel === "trade" ? {mode} : channel === "book" ? {depth, crc} : {}
			const said = {rate, stamps, on_slow, ...own}
			// Trades one by one are no state that could be thinned out.
			const slower = hidden && hiddenRate !== null && background !== "full" && !isSingle(options)
			if (slower && !(rate <= hiddenRate)) said.rate = hiddenRate
			if (!hidden || background !== "off") for (const key of keys) want.set(key, said)
		}
		return want
	}

	function routes(key) {
		const isTold = ({keys}) => keys.some(asked => covers(asked, key))
		if (!routed.has(key)) routed.set(key, [...subscriptions].filter(isTold))
		return routed.get(key)
	}

	function plan() {
		if (!planned) queueMicrotask(() => (planned = false, current?.told && sync(current)))
		planned = true
	}

	// Tells a link what it was not told yet.
	function sync(link) {
		const want = wanted()
		link.told = true
		for (const key of begun.keys()) if (!want.has(key)) {
			begun.delete(key)
			for (const old of versions.keys()) if (covers(key, old)) versions.delete(old)
		}
		link.socket ? ask(link, want) : regroup(link, want)
		mending.clear()
		shown = false
	}

	function ask(link, want) {
		const {asked, queue} = link, groups = {}
		const add = (key, op, said) => {
			const [channel, interval, symbol] = key.split(" ")
			const id = JSON.stringify({op, channel, interval: interval || undefined, ...said})
			;(groups[id] ??= []).push(symbol)
		}
		for (const key of asked.keys()) if (!want.has(key)) {
			asked.delete(key)
			add(key, "unsubscribe")
			// With it ends at the server what overlaps, name or pattern: asked for again below.
			for (const other of asked.keys()) {
				if (covers(other, key) || covers(key, other)) asked.delete(other)
			}
		}
		for (const [key, said] of want) {
			const before = !mending.has(key) && asked.get(key)
			if (before && same(before, said)) continue
			asked.set(key, said)
			// A page that shows again begins with a snapshot.
			const isRate = before && !shown && same({...before, rate: said.rate}, said)
			if (isRate) add(key, "set", {rate: said.rate ?? 10})
			else add(key, "subscribe", {...said, resume: begun.get(key)?.text})
		}
		for (const [said, symbols] of Object.entries(groups)) {
			while (symbols[0]) queue.push({...JSON.parse(said), symbols: symbols.splice(0, 512)})
		}
		if (link.limit !== limit) queue.push({op: "set", max_kbps: link.limit = limit})
		pump(link)
	}

	// At most 48 operations a second: the server takes 50, pings among them.
	function pump(link) {
		if (link.dead || link.pumping || !link.queue[0]) return
		send(link, link.queue.shift())
		link.pumping = setTimeout(() => (link.pumping = 0, pump(link)), 21)
	}

	const send = ({socket}, m) => socket?.readyState === 1 && socket.send(JSON.stringify(m))

	// A stream is known by its query: one that need not change goes on.
	function regroup(link, want) {
		let parts = pack(want, true)
		if (parts.length > 4) parts = pack(want)
		for (const {keys} of parts.splice(4)) {
			const symbols = keys.map(key => key.split(" ")[2])
			const message = `4 streams at most: without ${symbols}`
			tell("error", {type: "error", code: "limit_streams", message, symbols})
		}
		for (const one of link.streams) {
			const at = parts.findIndex(({query}) => query === one.query)
			if (at < 0 || one.keys.some(key => mending.has(key))) one.close()
			else parts.splice(at, 1)
		}
		for (const one of parts) follow(link, one)
	}

	// As few queries as options and 1,900 bytes allow. `apart`: what resumes apart from what begins.
	function pack(want, apart) {
		const rows = {}, groups = {}, parts = []
		for (const [key, {rate, stamps, on_slow, ...own}] of want) {
			const [channel, interval, symbol] = key.split(" ")
			const common = {symbol, rate, stamps, on_slow, old: apart && begun.has(key)}
			const row = rows[JSON.stringify([common, interval === "1s"])] ??= {...common, channels: []}
			row.channels.push(channel)
			Object.assign(row, own, interval && {interval})
		}
		for (const {symbol, ...said} of Object.values(rows)) {
			(groups[JSON.stringify(said)] ??= []).push(symbol)
		}
		for (const [group, symbols] of Object.entries(groups)) {
			const {old, channels, ...said} = JSON.parse(group)
			const options = Object.entries(said).map(([name, value]) => `&${name}=${value}`).join("")
			let part
			for (const symbol of symbols.sort()) {
				const word = encodeURIComponent(symbol)
				if (part?.query.length + word.length < 1800) part.query += "," + word
				else parts.push(part = {keys: [], query: `?channel=${channels}${options}&symbols=${word}`})
				part.keys.push(...channels.map(channel => keyOf(channel, said.interval, symbol)))
			}
		}
		return parts
	}

	const get = ({bearer}, path, signal) =>
		fetch(base + path, {signal, headers: bearer ? {Authorization: `Bearer ${bearer}`} : {}})

	async function follow(link, one) {
		const abort = new AbortController(), polls = link.kind === "poll"
		const places = one.keys.map(key => begun.get(key))
		one.close = () => {
			one.dead = link.streams.delete(one)
			clearTimeout(one.timer)
			abort.abort()
		}
		link.streams.add(one)
		// The place heard of first: what then comes twice is dropped, what does not come is said to be lost.
		const resumes = places.every(place => place?.text)
		one.place = resumes ? {...places.sort((a, b) => a.at - b.at)[0]} : {}
		if (resumes) for (const key of one.keys) begun.set(key, one.place)
		try {
			while (!one.dead) {
				one.heard = now()
				watch(link, one, polls ? 40000 : 5000)
				const {text} = one.place, path = link.kind + one.query + (text ? `&cursor=${text}` : "")
				const answer = await get(link, path, abort.signal)
				if (polls || !answer.ok) {
					const body = await answer.text()
					if (one.dead) return
					if (!answer.ok) return refused(link, one, answer, body)
					ready(link)
					if (body) hear(link, one, body)
					else one.place.text = answer.headers.get("TickerFeed-Cursor") ?? text
					continue
				}
				const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
				const read = events(({id, data}) => {
					if (id) Object.assign(one.place, {text: id, at: now()})
					if (data && !one.dead) hear(link, one, data)
				})
				for (let piece; !(piece = await reader.read()).done;) one.heard = now(), read(piece.value)
				throw Error("the stream ended")
			}
		} catch ({message}) {
			if (!one.dead) ended(link, {code: "lost", message})
		}
	}

	function refused(link, one, {status, headers}, text) {
		const said = /^([a-z_]+): ([^]+)/.exec(text) ?? []
		const [, code = CODES[status] ?? `http_${status}`, message = text] = said
		const least = 1000 * headers.get("Retry-After") || 0
		if (!/^(bad|unknown)_/.test(code)) return ended(link, {code, message}, least)
		// Nothing of this stream is to be had; others go on.
		clearTimeout(one.timer)
		ready(link)
		tell("error", {type: "error", code, message})
		for (const key of one.keys) refuse(key, code)
	}

	function refuse(key, code) {
		const [channel, , symbol] = key.split(" "), said = {symbol, code, channel}
		tell("refused", said)
		for (const {keys, tell} of subscriptions) if (keys.includes(key)) tell("refused", said)
	}

	// What comes of a link, or of one of its streams.
	function hear(link, one, data, names) {
		let bytes = data.length ?? data.byteLength
		one.heard = now()
		try {
			for (const m of typeof data === "string" ? parse(data) : decode(data, names)) {
				counts.messages++
				counts.bytes += bytes
				take(link, one, m)
				tell("message", m, bytes)
				if (link.dead) return
				bytes = 0
			}
		} catch (error) {
			console.warn("tickerfeed:", error)
			ended(link, {code: "bad_bytes", message: `${error}`})
		}
	}

	function welcome(link, one, m) {
		link.welcomed = true
		watch(link, one, Math.max(3000, 3 * m.heartbeat_ms))
		if (epoch && epoch !== m.epoch) {
			forget()
			tell("epoch", {type: "epoch", epoch: m.epoch, reason: "restart"})
		}
		epoch = m.epoch
		if (link.socket && link.bearer) auth(link, link.bearer)
		else ready(link)
	}

	function acknowledged(link, one, {id, channel, interval, symbols = [], refused = [], resumed}) {
		if (id === "auth") return ready(link)
		const keys = symbols.map(symbol => keyOf(channel, interval, symbol))
		if (resumed === false) forget(keys)
		for (const key of keys) begun.set(key, one.place)
		for (const {symbol, code} of refused) {
			if (code !== "not_subscribed") refuse(keyOf(channel, interval, symbol), code)
		}
	}

	function take(link, one, m) {
		const {type, id, channel, interval} = m
		if (m.resume) Object.assign(one.place, {text: m.resume, at: now()})
		if (type === "welcome") welcome(link, one, m)
		else if (type === "ack") acknowledged(link, one, m)
		else if (m.code === "unauthenticated" && !(link.open && link.bearer)) ended(link, m)
		else if (type === "goodbye") ended(link, m, m.reconnect_after_ms)
		else if (type === "expiring" && link.socket && renewable) renew(link)
		else if (type === "epoch") {
			one.place.text = undefined
			forget(one.keys)
			// Each of several streams says it.
			if (epoch === (epoch = m.epoch)) return
		} else if (type === "pong" && id === "rtt") link.rtt = now() - link.pinged
		else if (type === "heartbeat") {
			const {lag_ms, buffered, merged, rates} = m
			if (rates) rates.sent = +rates.sent
			tell("lag", {lag_ms, buffered, merged, rates, rtt_ms: link.rtt ?? null})
			link.pinged = now()
			send(link, {op: "ping", id: "rtt"})
		} else if (type === "gap") {
			const key = keyOf(channel, interval, m.sym), entry = versions.get(key)
			// It may reach back behind what was resumed: what is here is not lost.
			if (m.to <= entry?.last) return
			versions.set(key, {...entry, last: m.to})
			counts.gaps++
			return say(key, m)
		} else if (m.sym) return data(m)
		tell(type, m)
	}

	const auth = (link, bearer) => send(link, {op: "auth", id: "auth", token: bearer})

	async function renew(link) {
		try { auth(link, await token()) } catch (error) { console.warn("tickerfeed: no newer token:", error) }
	}

	function say(key, gap) {
		tell("gap", gap)
		for (const one of routes(key)) one.tell("gap", gap)
	}

	// Another life of the feed: versions and books of the last one mean nothing any more.
	function forget(keys) {
		for (const key of versions.keys()) {
			if (keys && !keys.some(asked => covers(asked, key))) continue
			versions.delete(key)
			for (const {state} of routes(key)) state.delete(key.split(" ")[2])
		}
		for (const key of keys ?? begun.keys()) begun.delete(key)
	}

	// What is missing is told and subscribed to again; once a second at most: a lasting fault is no storm.
	function lost(key, {type, sym, interval}, from, to, reason) {
		counts.losses++
		say(key, {type: "gap", sym, channel: type, interval, from, to, reason})
		for (const {keys} of routes(key)) for (const asked of keys) if (covers(asked, key)) mending.add(asked)
		mended = Math.max(mended + 1000, now())
		setTimeout(plan, mended - now())
	}

	function data(m) {
		const {type, sym, seq, prev, snap} = m, key = keyOf(type, m.interval, sym), to = routes(key)
		const entry = versions.get(key) ?? {}, {last} = entry, single = to[0] && isSingle(to.at(-1).options)
		const book = type === "book", levels = [m.bids, m.asks]
		if (book) [m.bids, m.asks] = levels.map(numbers)
		// After a resumption things come again; a state's snapshot is taken all the same.
		if (!to[0] || seq <= last && (!snap || single || type === "bar")) return
		const missing = !snap ? prev : single && !prev ? seq - 1 : last
		if (missing > last) lost(key, m, last + 1, missing, "loss")
		if (prev) counts.merged += seq - prev - 1
		versions.set(key, entry)
		entry.last = seq
		if (book && !build(entry, levels, m, last)) {
			// Without sides it is the snapshot that is waited for; with them the sum was another.
			if (entry.sides) lost(key, m, seq, seq, "crc")
			entry.sides = null
			return
		}
		entry.m = m
		for (const one of to) update(one, entry)
	}

	// Takes a message into the entry's book, and says whether it is the server's.
	function build(entry, levels, {snap, prev, crc}, last) {
		if (snap) entry.sides = [new Map(), new Map()]
		else if (prev !== last) entry.sides = null
		if (!entry.sides) return false
		const [bids, asks] = entry.sides.map((side, i) => {
			for (const [price, size] of levels[i]) +size ? side.set(price, size) : side.delete(price)
			const order = i ? 1 : -1
			return [...side].sort(([a], [b]) => order * (a - b || Number(fixed(a, 9) - fixed(b, 9))))
		})
		const ok = crc === undefined || crc === checksum([...bids, ...asks])
		if (ok) entry.book = {bids: numbers(bids), asks: numbers(asks), ok}
		else if (entry.book) entry.book.ok = false
		return ok
	}

	function update({state, tell}, {m, book}) {
		state.set(m.sym, book ?? m)
		tell("update", m, book)
	}

	function watch(link, one, silence) {
		clearTimeout(one.timer)
		const left = Math.min(silence, one.heard + silence - now())
		if (left > 0) one.timer = setTimeout(() => watch(link, one, silence), left)
		else {
			// A proxy that keeps events back may keep their head back, too, or let some go whenever it has enough.
			const isHeldBack = link.kind === "events" && (!link.open || now() - hushed < 60000)
			const code = isHeldBack ? "events_buffered" : "silent"
			hushed = now()
			ended(link, {code, message: `nothing came in ${silence} ms`})
		}
	}

	function report(state, reason = why, retryAt = null) {
		const transport = current?.kind ?? level, fallback = wish === "auto" && level !== "websocket"
		const spoken = transport === "websocket" ? encoding : "json"
		feed.status = {state, transport, encoding: spoken, attempt, retryAt, reason, fallback}
		tell("status", feed.status)
	}

	function open(kind) {
		const link = {kind, asked: new Map(), queue: [], streams: new Set(), place: {}, heard: now()}
		start(link).catch(error => ended(link, {code: "failed", message: `${error}`}))
		return link
	}

	async function start(link) {
		link.bearer = renewable ? await token() : token
		if (link.dead) return
		if (link.kind !== "websocket") return sync(link)
		const names = new Map(), address = base.replace("http", "ws") + "stream"
		const socket = link.socket = new WebSocket(address, `tickerfeed.v1.${encoding}`)
		socket.binaryType = "arraybuffer"
		watch(link, link, 5000)
		socket.onerror = () => {}
		socket.onmessage = ({data}) => link.dead || hear(link, link, data, names)
		socket.onclose = ({code, reason}) => {
			const name = code === 1008 && /token/.test(reason) ? "unauthenticated" : CODES[code] ?? "lost"
			ended(link, {code: name, message: reason || `closed with ${code}`}, code === 4429 ? 5000 : 0)
		}
	}

	function ready(link) {
		if (link.open) return
		if (link === spare) {
			drop(current)
			clearTimeout(waiting)
			current = link
			spare = null
		}
		link.open = now()
		counts.reconnects++
		if (link.socket) level = "websocket", why = null, climbs = 0
		report("open")
		sync(link)
	}

	function drop(link) {
		if (!link) return
		link.dead = true
		link.told = false
		for (const timer of [link.timer, link.pumping]) clearTimeout(timer)
		for (const one of link.streams) one.close()
		link.socket?.close()
	}

	function ended(link, {code, message, hint}, least = 0) {
		if (link.dead) return
		drop(link)
		if (link === spare) climb()
		else if (link.kind === "websocket" && !link.welcomed) examine(link)
		else if (code === "events_buffered" && wish === "auto") lower("poll", {code, message})
		else {
			if (now() - link.open >= 10000) attempt = 0
			retry({code, message, hint}, least)
		}
	}

	// Why does no WebSocket come about? A server that answers knows what it would refuse.
	async function examine(link) {
		const blocked = {code: "websocket_blocked", message: "the server answers, but no WebSocket opens"}
		const away = {problems: [{code: "unreachable", message: "the server does not answer"}]}
		const abort = new AbortController()
		link.timer = setTimeout(() => abort.abort(), 5000)
		const asked = get(link, "preflight", abort.signal).then(answer => answer.json())
		const {ok, problems} = await asked.catch(() => away)
		clearTimeout(link.timer)
		if (link !== current) return
		if (ok && wish === "auto") lower("events", blocked)
		else retry(ok ? blocked : problems[0])
	}

	function lower(kind, reason) {
		level = kind
		why = reason
		begin()
		climb()
	}

	// Beside what runs, a WebSocket is tried again after 30 s, 60 s, ... 5 min, or any time less.
	function climb() {
		clearTimeout(climbing)
		climbing = setTimeout(() => {
			drop(spare)
			spare = open("websocket")
		}, random() * Math.min(300000, 30000 * 2 ** climbs++))
	}

	function retry(reason, least = 0) {
		const {code} = reason, needsToken = code === "unauthenticated" || code === "token_expired"
		if (FINAL.has(code) || needsToken && !renewable) return stop(reason)
		const wait = least + random() * Math.min(30000, 500 * 2 ** attempt++)
		waiting = setTimeout(begin, wait)
		report("waiting", reason, now() + wait)
	}

	function begin() {
		current = open(level)
		report("connecting")
	}

	function halt() {
		for (const link of [current, spare]) drop(link)
		for (const timer of [waiting, climbing]) clearTimeout(timer)
		spare = null
	}

	function stop(reason) {
		halt()
		report("closed", reason)
		current = null
	}

	const visible = () => {
		shown = !visibility.hidden
		plan()
	}
	visibility?.addEventListener?.("visibilitychange", visible)

	const feed = {
		on, counts,
		subscribe(symbols, {channel = "quote", ...said} = {}) {
			const {on, tell} = listeners(), state = new Map(), options = {channel, ...said}
			const keys = [symbols].flat().map(symbol => keyOf(channel, said.interval, symbol))
			const one = {keys, options, state, tell}
			const change = () => (routed.clear(), plan())
			subscriptions.add(one)
			change()
			// Who comes second begins with what the first has: the server has nothing new to say.
			queueMicrotask(() => {
				for (const [key, entry] of versions) {
					if (entry.m && routes(key).includes(one)) update(one, entry)
				}
			})
			return {
				on, state,
				set(changes) {
					Object.assign(options, changes)
					plan()
				},
				close() {
					subscriptions.delete(one)
					change()
				},
			}
		},
		set({max_kbps}) {
			limit = max_kbps
			plan()
		},
		use(changes) {
			({transport: wish = wish, encoding = encoding} = changes)
			halt()
			level = wish === "auto" ? WebSocket ? "websocket" : "events" : wish
			why = null
			attempt = climbs = 0
			begin()
		},
		close() {
			visibility?.removeEventListener?.("visibilitychange", visible)
			stop(null)
		},
	}
	feed.use({})
	return feed
}
