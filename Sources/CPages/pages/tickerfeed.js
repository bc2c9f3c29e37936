// TickerFeed for browsers and Node: subscriptions that last, over WebSocket, events or polls (docs/BROWSER.md).
//
//	subscribe() → subscriptions → sync() → a link: one WebSocket, or up to 4 streams of events or polls
//	listeners ← data(): versions, books ← take() ← parse() or decode()
//
// What is wanted is a state, not a log of calls: sync() tells a link what it was not told yet, and a new link
// everything, from the cursor on. So nothing queues up here, and what is lost is said ("gap").

const NUMBERS = /("(?:ts|recv|sent|start|expires)":|[[,](?=-?[\d.]{16}))(-?[\d.]+)(?=[,\]}])/g

/** A text's messages. Times, and long decimals of levels, stay text: a double would round them. */
export function parse(text) {
	try { return [JSON.parse(text.replace(NUMBERS, '$1"$2"'))].flat() } catch { return [JSON.parse(text)].flat() }
}

// Fields behind the 32 bytes that all have; the last letter says how one is read.
const TEMPLATES = [, "quote bid9 bid_size8 ask9 ask_size8", "trade price9 size8 trade_idI countM high9 low9 sideW",
	"book crcC", "bar startT open9 high9 low9 close9 volume8 vwap9 countN intervalW",
	"stats open9 high9 low9 last9 change9 volume8 vwap9 countN", "status marketW feedW reasonR", , ,
	"trade brokenI price9 size8"].map(text => text.split(" "))
const WORDS = { side: [, "buy", "sell"], interval: ["1s", "1m"], feed: ["live", "quiet", "stale", "suspect"],
	market: ["closed", "trading", "halted", "paused", "auction"] }

/** A binary frame's messages, as JSON has them. `names`: the connection's symbols by number. */
export function decode(buffer, names) {
	const messages = []
	for (let at = 0, end; at < buffer.byteLength; at = end) {
		const [length, template, schema] = new Uint16Array(buffer.slice(at, at + 6))
		// A view of the block alone: what is too short throws.
		const view = new DataView(buffer, at += 8, length), long = i => view.getBigInt64(i, true), int = i => view.getUint32(i, true)
		const text = (i, count) => String.fromCharCode(...new Uint8Array(buffer, at + i, count)).replace(/\0+$/, "")
		const read = {
			9: i => plain(decimal(long(i), 9)), 8: i => plain(decimal(long(i), 8)), T: i => `${long(i)}`, N: i => Number(long(i)),
			M: i => Number(long(i)) || null, I: i => long(i) ? `${view.getBigUint64(i, true)}` : null,
			C: int, R: i => text(i, 4), W: (i, name) => WORDS[name][view.getUint8(i)],
		}
		end = at + length
		if (template === 7) names.set(int(0), text(16, 24))
		else if (template === 8) Object.assign(messages.at(-1), { recv: read.T(0), sent: read.T(8) })
		else if (!TEMPLATES[template]) messages.push({ type: null, template })
		else {
			const [type, ...fields] = TEMPLATES[template], flags = int(12), sym = names.get(int(8))
			const message = { type, sym, seq: read.N(16), ts: read.T(24), prev: read.N(0) }
			messages.push(message)
			let i = 32
			for (const field of fields) {
				const kind = field.at(-1), name = field.slice(0, -1), value = read[kind](i, name)
				i += { W: 1, C: 4, R: 4 }[kind] ?? 8
				// Of a trade, what the source does not say is left out; a sum beyond 64 bits is null.
				if (value != null || type !== "trade" || template === 2 && name === "size") message[name] = value
			}
			if (flags & 1) message.snap = true
			if (flags & 2) message.crossed = true
			if (type === "bar") message.closed = !!(flags & 4)
			if (!(flags & 8)) delete message.crc
			for (const side of template === 3 ? ["bids", "asks"] : []) {
				const [size, count] = new Uint16Array(buffer.slice(end, end += 4))
				message[side] = Array.from({ length: count }, () => {
					const [price, amount] = new BigInt64Array(buffer.slice(end, end + 16))
					end += size
					return [decimal(price, 9), decimal(amount, 8)]
				})
			}
		}
		if (schema !== 7400 || end > buffer.byteLength) throw new RangeError("not TickerFeed's SBE")
	}
	return messages
}

// Fixed point to a number, or to text where a double would round it; and back.
function decimal(units, digits) {
	if (units === -(2n ** 63n)) return null
	const value = Number(units)
	return Math.abs(value) < 2 ** 50 ? value / 10 ** digits : `${units}`.slice(0, -digits) + "." + `${units}`.slice(-digits)
}
function fixed(value, digits) {
	const units = value * 10 ** digits
	if (Math.abs(units) < 2 ** 50) return BigInt(Math.round(units))
	const [whole, part = ""] = `${value}`.split(".")
	return BigInt(whole + part.padEnd(digits, 0))
}
const plain = value => value && +value, numbers = levels => levels.map(level => level.map(plain))

/** CRC-32 of a book's levels, bids and then asks, in the wire's units. */
export function checksum(levels) {
	const units = BigInt64Array.from(levels.flatMap(([price, size]) => [fixed(price, 9), fixed(size, 8)]))
	let crc = -1
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
			block[name] = value
			if (!line) take(block), block = {}
		}
	}
}

function listeners() {
	const all = { __proto__: null }
	return {
		on(name, listener) {
			const told = all[name] ??= new Set()
			told.add(listener)
			return () => told.delete(listener)
		},
		tell(name, ...said) {
			for (const listener of all[name] ?? []) try { listener(...said) } catch (error) { console.error(error) }
		},
	}
}

// A key is what the server keeps one subscription for; the symbol may be a pattern.
const keyOf = (channel, interval = "1m", symbol) => `${channel} ${channel === "bar" ? interval : ""} ${symbol}`
const covers = (asked, key) => asked.endsWith("*") ? key.startsWith(asked.slice(0, -1)) : asked === key
const OWN = { trade: ["mode"], book: ["depth", "crc"] }
const isSingle = ({ channel, mode }) => channel === "status" || channel === "trade" && mode !== "latest"
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other)

const RENEWABLE = /^(unauthenticated|token_expired)$/
const FINAL = /^(unauthenticated|token_expired|forbidden|entitlement_withdrawn|bad_request|protocol)$/
const CODES = { 401: "unauthenticated", 403: "forbidden", 1002: "protocol", 1003: "protocol", 1007: "protocol", 1009: "protocol",
	1010: "protocol", 4401: "token_expired", 4403: "entitlement_withdrawn", 4408: "too_slow", 4429: "limit_operations" }

/** A feed: docs/BROWSER.md says what goes in, what comes out, and what is resumed. */
export function connect(options = {}) {
	const { token, hiddenRate = 0.1, random = Math.random, visibility = globalThis.document, fetch = globalThis.fetch,
		WebSocket = globalThis.WebSocket, timers: { now = Date.now, setTimeout, clearTimeout } = globalThis } = options
	let { transport: wish = "auto", encoding = "json" } = options
	const base = new URL(options.url ?? ".", import.meta.url).href.replace(/^ws/, "http").replace(/\/?$/, "/")
	const { on, tell } = listeners(), subscriptions = new Set(), versions = new Map(), routed = new Map()
	// By key: the place up to which the server was heard in this epoch. And the keys to subscribe to again.
	const begun = new Map(), mending = new Set()
	const counts = { messages: 0, bytes: 0, gaps: 0, losses: 0, reconnects: -1, merged: 0 }
	let current, spare, level, why, epoch, attempt, waiting, climbing, climbs, planned, shown, limit, mended = 0

	// Options by key; where two subscriptions have one key, the later one's.
	function wanted() {
		const all = new Map(), hidden = visibility?.hidden
		for (const { keys, options } of subscriptions) {
			const { channel, background, rate } = options, asked = { rate }
			if (hidden && background === "off") continue
			for (const name of ["stamps", "on_slow", ...OWN[channel] ?? []]) asked[name] = options[name]
			// Trades one by one are no state that could be thinned out.
			const slower = hidden && hiddenRate !== null && background !== "full" && !isSingle(options)
			if (slower && !(rate <= hiddenRate)) asked.rate = hiddenRate
			for (const key of keys) all.set(key, asked)
		}
		return all
	}

	function routes(key) {
		if (!routed.has(key)) routed.set(key, [...subscriptions].filter(({ keys }) => keys.some(asked => covers(asked, key))))
		return routed.get(key)
	}

	function plan() {
		if (!planned) queueMicrotask(() => { planned = false; if (current?.told) sync(current) })
		planned = true
	}

	// Asks a link for what is wanted and it was not asked for yet.
	function sync(link) {
		const want = wanted()
		link.told = true
		for (const key of begun.keys()) {
			if (want.has(key)) continue
			begun.delete(key)
			for (const old of versions.keys()) if (covers(key, old)) versions.delete(old)
		}
		link.socket ? ask(link, want) : regroup(link, want)
		mending.clear()
		shown = false
	}

	function ask(link, want) {
		const { asked, queue } = link, groups = {}
		const add = (key, op, said) => {
			const [channel, interval, symbol] = key.split(" ")
			;(groups[JSON.stringify({ op, channel, interval: interval || undefined, ...said })] ??= []).push(symbol)
		}
		for (const key of asked.keys()) {
			if (want.has(key)) continue
			asked.delete(key)
			add(key, "unsubscribe")
			// With it ends at the server what overlaps, name or pattern: that is asked for again.
			for (const other of asked.keys()) if (covers(other, key) || covers(key, other)) asked.delete(other)
		}
		for (const [key, said] of want) {
			const before = !mending.has(key) && asked.get(key)
			if (before && same(before, said)) continue
			asked.set(key, said)
			// When a page shows again it is subscribed anew: a snapshot at once.
			if (before && !shown && same({ ...before, rate: said.rate }, said)) add(key, "set", { rate: said.rate ?? 10 })
			else add(key, "subscribe", { ...said, resume: begun.get(key)?.text })
		}
		for (const [said, symbols] of Object.entries(groups)) {
			while (symbols[0]) queue.push({ ...JSON.parse(said), symbols: symbols.splice(0, 512) })
		}
		if (link.limit !== limit) queue.push({ op: "set", max_kbps: link.limit = limit })
		pump(link)
	}

	// At most 48 operations a second: the server takes 50, pings among them.
	function pump(link) {
		if (link.dead || link.pumping || !link.queue.length) return
		send(link, link.queue.shift())
		link.pumping = setTimeout(() => { link.pumping = 0; pump(link) }, 21)
	}

	function send({ socket }, message) {
		if (socket?.readyState === 1) socket.send(JSON.stringify(message))
	}

	// A stream is known by what it asks for: one that need not change goes on.
	function regroup(link, want) {
		let parts = pack(want, true)
		if (parts.length > 4) parts = pack(want)
		for (const { keys } of parts.splice(4)) {
			tell("error", { type: "error", code: "limit_streams", message: `more than 4 streams, without ${keys}`, keys })
		}
		for (const one of link.streams) {
			const same = parts.findIndex(({ target }) => target === one.target)
			if (same < 0 || one.keys.some(key => mending.has(key))) one.close()
			else parts.splice(same, 1)
		}
		for (const one of parts) follow(link, one)
	}

	// As few queries as options and 1,900 bytes allow. `apart`: what resumes apart from what begins.
	function pack(want, apart) {
		const rows = {}, groups = {}, parts = []
		for (const [key, { rate, stamps, on_slow, ...own }] of want) {
			const [channel, interval, symbol] = key.split(" "), common = { rate, stamps, on_slow }
			const row = rows[JSON.stringify([symbol, common, interval === "1s", apart && begun.has(key)])] ??=
				{ symbol, apart: apart && begun.has(key), channel: [], ...common }
			row.channel.push(channel)
			Object.assign(row, own, interval && { interval })
		}
		for (const { symbol, ...said } of Object.values(rows)) (groups[JSON.stringify(said)] ??= []).push(symbol)
		for (const [group, symbols] of Object.entries(groups)) {
			const { apart, ...said } = JSON.parse(group), query = Object.entries(said).map(pair => pair.join("=")).join("&")
			let part
			for (const symbol of symbols.sort()) {
				const word = encodeURIComponent(symbol)
				if (part?.target.length + word.length < 1800) part.target += `,${word}`
				else parts.push(part = { target: `?${query}&symbols=${word}`, keys: [] })
				part.keys.push(...said.channel.map(channel => keyOf(channel, said.interval, symbol)))
			}
		}
		return parts
	}

	const get = (link, path, signal) =>
		fetch(`${base}v1/${path}`, { signal, headers: link.bearer ? { Authorization: `Bearer ${link.bearer}` } : {} })

	async function follow(link, one) {
		const abort = new AbortController(), places = one.keys.map(key => begun.get(key)), isPoll = link.kind === "poll"
		one.close = () => { clearTimeout(one.timer); link.streams.delete(one); one.dead = true; abort.abort() }
		link.streams.add(one)
		// The place heard of first: what then comes twice is dropped, what does not come is said to be lost.
		one.place = places.every(place => place?.text) ? { ...places.sort((a, b) => a.at - b.at)[0] } : {}
		const take = text => one.dead || hear(link, one, text.length, () => parse(text))
		try {
			while (!one.dead) {
				one.heard = now()
				watch(link, one, isPoll ? 40000 : 5000)
				const cursor = one.place.text ? `&cursor=${one.place.text}` : ""
				const answer = await get(link, link.kind + one.target + cursor, abort.signal)
				if (!answer.ok) return refused(link, one, answer, await answer.text())
				one.answered = true
				if (isPoll) {
					const text = await answer.text()
					if (one.dead) return
					ready(link)
					if (text) take(text)
					else one.place.text = answer.headers.get("TickerFeed-Cursor") ?? one.place.text
					continue
				}
				const read = events(({ id, data }) => {
					if (id) Object.assign(one.place, { text: id, at: now() })
					if (data) take(data)
				})
				const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
				for (let piece; !(piece = await reader.read()).done;) one.heard = now(), read(piece.value)
				throw Error("the stream ended")
			}
		} catch ({ message }) {
			if (!one.dead) ended(link, { code: "lost", message })
		}
	}

	function refused(link, one, { status, headers }, text) {
		const [, code = CODES[status] ?? `http_${status}`, message = text] = /^([a-z_]+): ([^]+)/.exec(text) ?? []
		if (one.dead) return
		if (!/^(bad|unknown)_/.test(code)) return ended(link, { code, message }, 1000 * headers.get("Retry-After") || 0)
		// Nothing of this stream is to be had; others go on.
		clearTimeout(one.timer)
		ready(link)
		tell("error", { type: "error", code, message })
		for (const key of one.keys) refuse(key, code)
	}

	function take(link, one, message) {
		const { type } = message
		if (message.resume) Object.assign(one.place, { text: message.resume, at: now() })
		if (type === "welcome") {
			link.welcomed = true
			watch(link, one, Math.max(3000, 3 * message.heartbeat_ms))
			if (epoch && epoch !== message.epoch) {
				forget()
				tell("epoch", { type: "epoch", epoch: message.epoch, reason: "restart" })
			}
			epoch = message.epoch
			if (link.socket && link.bearer) send(link, { op: "auth", id: "auth", token: link.bearer })
			else ready(link)
		}
		if (type === "ack") {
			const { channel, interval, symbols = [], refused = [] } = message
			const keys = symbols.map(symbol => keyOf(channel, interval, symbol))
			if (message.resumed === false) forget(keys)
			for (const key of keys) begun.set(key, one.place)
			for (const { symbol, code } of refused) if (code !== "not_subscribed") refuse(keyOf(channel, interval, symbol), code)
			if (message.id === "auth") ready(link)
		}
		if (type === "error" && message.id === "auth" && !link.open) ended(link, message)
		if (type === "goodbye") ended(link, message, message.reconnect_after_ms)
		if (type === "expiring" && link.socket && typeof token === "function") renew(link)
		if (type === "epoch") {
			one.place.text = undefined
			forget(one.keys)
			// Each of several streams says it.
			if (epoch === (epoch = message.epoch)) return
		}
		if (type === "pong" && message.id === "rtt") link.rtt = now() - link.pinged
		if (type === "heartbeat") {
			const { lag_ms, buffered, merged, rates } = message
			if (rates) rates.sent = +rates.sent
			tell("lag", { lag_ms, buffered, merged, rates, rtt_ms: link.rtt ?? null })
			link.pinged = now()
			send(link, { op: "ping", id: "rtt" })
		}
		if (type === "gap") gap(message)
		else if (message.sym) data(message)
		else tell(type, message)
	}

	async function renew(link) {
		try { send(link, { op: "auth", id: "auth", token: await token() }) } catch (error) { console.warn(error) }
	}

	function refuse(key, code) {
		const [channel, , symbol] = key.split(" "), said = { symbol, code, channel }
		tell("refused", said)
		for (const { keys, tell } of subscriptions) if (keys.includes(key)) tell("refused", said)
	}

	// Another life of the feed: versions and books of the last one mean nothing any more.
	function forget(keys) {
		for (const key of versions.keys()) {
			if (keys && !keys.some(asked => covers(asked, key))) continue
			versions.delete(key)
			for (const { state } of routes(key)) state.delete(key.split(" ")[2])
		}
		for (const key of keys ?? begun.keys()) begun.delete(key)
	}

	function gap(message) {
		const key = keyOf(message.channel, message.interval, message.sym), entry = versions.get(key)
		// It may reach back behind what was resumed: what is here is not lost.
		if (message.to <= entry?.last) return
		versions.set(key, { ...entry, last: message.to })
		counts.gaps++
		tell("gap", message)
		for (const one of routes(key)) one.tell("gap", message)
	}

	// What is missing is told, and subscribed to again; once a second at most, or a fault that stays would be a storm.
	function lost(key, { type, sym, interval, seq }, from, to, reason) {
		counts.losses++
		const message = { type: "gap", sym, channel: type, interval, from, to, reason }
		tell("gap", message)
		for (const one of routes(key)) one.tell("gap", message)
		for (const { keys } of subscriptions) for (const asked of keys) if (covers(asked, key)) mending.add(asked)
		mended = Math.max(mended + 1000, now())
		setTimeout(plan, mended - now())
	}

	function data(message) {
		const { type, sym, seq, prev, snap } = message, key = keyOf(type, message.interval, sym), to = routes(key)
		const entry = versions.get(key) ?? {}, { last } = entry, single = to.length && isSingle(to.at(-1).options)
		const levels = type === "book" && [message.bids, message.asks]
		if (levels) [message.bids, message.asks] = levels.map(numbers)
		// After a resumption things come again; a snapshot of a state is taken all the same.
		if (!to.length || seq <= last && (!snap || single || type === "bar")) return
		const missing = !snap ? prev : single && !prev ? seq - 1 : last
		if (missing > last) lost(key, message, last + 1, missing, "loss")
		if (prev) counts.merged += seq - prev - 1
		versions.set(key, entry)
		entry.last = seq
		if (levels) {
			if (snap) entry.sides = [new Map(), new Map()]
			else if (prev !== last) entry.sides = null
			if (!entry.sides) return
			const [bids, asks] = entry.sides.map((side, i) => {
				for (const [price, size] of levels[i]) +size ? side.set(price, size) : side.delete(price)
				return [...side].sort(([a], [b]) => (i ? 1 : -1) * (a - b || Number(fixed(a, 9) - fixed(b, 9))))
			})
			const ok = !("crc" in message) || message.crc === checksum([...bids, ...asks])
			if (entry.book) entry.book.ok = ok
			if (!ok) {
				entry.sides = null
				return lost(key, message, seq, seq, "crc")
			}
			entry.book = { bids: numbers(bids), asks: numbers(asks), ok }
		}
		entry.message = message
		for (const { state, tell } of to) {
			state.set(sym, entry.book ?? message)
			tell("update", message, entry.book)
		}
	}

	function hear(link, one, bytes, read) {
		one.heard = now()
		try {
			for (const message of read()) {
				counts.messages++
				counts.bytes += bytes
				tell("message", message, bytes)
				take(link, one, message)
				bytes = 0
			}
		} catch (error) {
			console.warn("tickerfeed:", error)
			ended(link, { code: "bad_bytes", message: `${error}` })
		}
	}

	function watch(link, one, silence) {
		clearTimeout(one.timer)
		const left = Math.min(silence, one.heard + silence - now())
		if (left > 0) one.timer = setTimeout(() => watch(link, one, silence), left)
		else ended(link, { code: one.answered && !link.open ? "events_buffered" : "silent", message: `nothing in ${silence} ms` })
	}

	function report(state, reason = why, retryAt = null) {
		const transport = current?.kind ?? level, fallback = wish === "auto" && level !== "websocket"
		feed.status = { state, transport, encoding: transport === "websocket" ? encoding : "json", attempt, retryAt, reason, fallback }
		tell("status", feed.status)
	}

	function open(kind) {
		const link = { kind, asked: new Map(), queue: [], streams: new Set(), place: {}, heard: now() }
		start(link).catch(error => ended(link, { code: "failed", message: `${error}` }))
		return link
	}

	async function start(link) {
		link.bearer = typeof token === "function" ? await token() : token
		if (link.dead) return
		if (link.kind !== "websocket") return sync(link)
		const socket = link.socket = new WebSocket(base.replace("http", "ws") + "v1/stream", `tickerfeed.v1.${encoding}`), names = new Map()
		socket.binaryType = "arraybuffer"
		watch(link, link, 5000)
		socket.onerror = () => {}
		socket.onmessage = ({ data }) => link.dead || hear(link, link, data.length ?? data.byteLength,
			() => typeof data === "string" ? parse(data) : decode(data, names))
		socket.onclose = ({ code, reason }) => {
			const name = code === 1008 && /token/.test(reason) ? "unauthenticated" : CODES[code] ?? "lost"
			ended(link, { code: name, message: reason || `closed with ${code}` }, code === 4429 ? 5000 : 0)
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
		if (link.socket) {
			level = "websocket"
			why = null
			climbs = 0
		}
		report("open")
		sync(link)
	}

	function drop(link) {
		if (!link) return
		link.dead = true
		link.told = false
		clearTimeout(link.timer)
		clearTimeout(link.pumping)
		for (const one of link.streams) one.close()
		link.socket?.close()
	}

	function ended(link, { code, message, hint }, least) {
		if (link.dead) return
		drop(link)
		const reason = { code, message, hint }
		if (link === spare) climb()
		else if (link.kind === "websocket" && !link.welcomed) examine(link)
		else if (code === "events_buffered" && wish === "auto") lower("poll", reason)
		else {
			if (now() - link.open >= 10000) attempt = 0
			retry(reason, least)
		}
	}

	// Why does no WebSocket come about? A server that answers knows what it would refuse.
	async function examine(link) {
		const blocked = { code: "websocket_blocked", message: "the server answers, but no WebSocket opens" }
		const abort = new AbortController(), problems = [{ code: "unreachable", message: "the server does not answer" }]
		link.timer = setTimeout(() => abort.abort(), 5000)
		const said = await get(link, "preflight", abort.signal).then(answer => answer.json()).catch(() => ({ problems }))
		clearTimeout(link.timer)
		if (link !== current) return
		if (said.ok && wish === "auto") lower("events", blocked)
		else retry(said.ok ? blocked : said.problems[0])
	}

	function lower(kind, reason) {
		level = kind
		why = reason
		begin()
		climb()
	}

	function climb() {
		clearTimeout(climbing)
		climbing = setTimeout(() => { spare = open("websocket") }, random() * Math.min(300000, 30000 * 2 ** climbs++))
	}

	function retry(reason, least = 0) {
		const { code } = reason
		if (FINAL.test(code) && !(RENEWABLE.test(code) && typeof token === "function")) return stop(reason)
		const wait = least + random() * Math.min(30000, 500 * 2 ** attempt++)
		waiting = setTimeout(begin, wait)
		report("waiting", reason, now() + wait)
	}

	function begin() {
		current = open(level)
		report("connecting")
	}

	function stop(reason) {
		for (const link of [current, spare]) drop(link)
		for (const timer of [waiting, climbing]) clearTimeout(timer)
		report("closed", reason)
		current = spare = null
	}

	const visible = () => { shown = !visibility.hidden; plan() }
	visibility?.addEventListener?.("visibilitychange", visible)

	const feed = {
		on, counts,
		subscribe(symbols, { channel = "quote", ...said } = {}) {
			const { on, tell } = listeners(), state = new Map(), options = { channel, ...said }
			const keys = [symbols].flat().map(symbol => keyOf(channel, said.interval, symbol)), one = { keys, options, state, tell }
			const change = () => { routed.clear(); plan() }
			subscriptions.add(one)
			change()
			// Who comes second to a subscription begins with what the first has: the server has nothing new to say.
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
		},
		set(changes) { limit = changes.max_kbps; plan() },
		use(changes) {
			wish = changes.transport ?? wish
			encoding = changes.encoding ?? encoding
			for (const link of [current, spare]) drop(link)
			for (const timer of [waiting, climbing]) clearTimeout(timer)
			level = wish === "auto" ? WebSocket ? "websocket" : "events" : wish
			why = null
			spare = null
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
