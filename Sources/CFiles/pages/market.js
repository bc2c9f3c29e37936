// What is known of each symbol: the newest of each channel, and what follows from it. Nothing is painted here.
//
// Invariants
//   - An update stores a reference and marks its row; how often that happens costs no frame.
//   - A break of the connection takes nothing away: values stay and grow old. A new epoch empties all.
import { connect } from "./tickerfeed.js"
import { digits } from "./format.js"

const points = 60
const marks = { suspect: "!", halted: "H", paused: "P", auction: "A", stale: "?", quiet: "~", closed: "C" }

/** One symbol. `slot` is the line of the list that shows it, if one does. */
export class Row {
	quote = null
	stats = null
	market = ""
	feed = ""
	reason = ""
	refused = ""
	/** When something of it came, by performance.now(). */
	heard = 0
	slot = null
	isDirty = false
	/** The last price of each of the latest seconds in which it was told. */
	spark = new Float64Array(points)
	sparkCount = 0
	sparkSecond = 0
	isSparkDirty = false

	constructor(symbol) {
		this.symbol = symbol
		this.decimals = 0
		this.hasIncrement = false
	}

	learn(increment) {
		if (increment == null) return
		this.hasIncrement = true
		this.decimals = digits(increment)
	}

	/** Where the source names no price step, the most digits seen are the symbol's. */
	seen(price) {
		if (!this.hasIncrement && price != null) this.decimals = Math.max(this.decimals, Math.min(9, digits(price)))
	}

	addSpark(price, now) {
		const second = Math.floor(now / 1000)
		if (second !== this.sparkSecond || !this.sparkCount) {
			this.sparkSecond = second
			this.sparkCount++
		}
		this.spark[(this.sparkCount - 1) % points] = price
		this.isSparkDirty = true
	}

	clear() {
		this.quote = this.stats = null
		this.market = this.feed = this.reason = this.refused = ""
		this.heard = this.sparkCount = 0
		this.isSparkDirty = true
	}

	get percent() {
		const stats = this.stats
		return stats?.open ? (stats.change / stats.open) * 100 : null
	}

	/** In hundredths of a percent of the middle; below zero the book is crossed. */
	get spread() {
		const { bid, ask } = this.quote ?? {}
		return bid == null || ask == null || !(bid + ask) ? null : ((ask - bid) / (bid + ask)) * 20_000
	}

	/** The state in words, as TICKWATCH.md has them, the weightiest first. */
	get state() {
		const { refused, market, feed, reason } = this
		if (refused) return refused
		if (feed === "suspect") return feed
		if (/halted|paused|auction/.test(market)) return `${market} ${reason}`.trim()
		if (/stale|quiet/.test(feed)) return feed
		return market === "closed" ? market : feed || (this.heard ? "live" : "")
	}

	get mark() {
		return this.refused ? "x" : marks[this.state.split(" ")[0]] ?? ""
	}
}

export const rows = new Map()
/** The rows of the watchlist, in the user's own order. */
export let watched = []
/** All names that the server has, for lists that name none. */
export let directory = []
export let feed = null
/** Whether it was cut at what a connection may subscribe to. */
export let isCut = false
export let welcome = null

const mostSymbols = 512
const listeners = { row: [], list: [], status: [], epoch: [], connection: [], lag: [], gap: [], welcome: [] }
/** Calls a listener with the row, nothing ("connection": another feed), the status, or the message. */
export const on = (name, listener) => listeners[name].push(listener)
const tell = (name, value) => listeners[name].forEach(listener => listener(value))

let wanted = []
let besides = []
let rate = 4
let bearer
let epoch = ""
const increments = new Map()
let subscriptions = []
let subscribed = ""

export function rowOf(symbol) {
	let row = rows.get(symbol)
	if (!row) {
		rows.set(symbol, (row = new Row(symbol)))
		row.learn(increments.get(symbol))
	}
	return row
}

function touched(row) {
	row.heard = performance.now()
	tell("row", row)
}

const takers = {
	quote(message) {
		const row = rowOf(message.sym)
		row.quote = message
		row.seen(message.bid)
		row.seen(message.ask)
		touched(row)
	},
	stats(message) {
		const row = rowOf(message.sym)
		row.stats = message
		row.seen(message.last)
		touched(row)
		if (message.last != null) row.addSpark(message.last, row.heard)
	},
	status(message) {
		const row = rowOf(message.sym)
		const { market, feed, reason } = message
		Object.assign(row, { market, feed, reason, refused: "" })
		touched(row)
	},
}

/** Takes a message of `quote`, `stats` or `status` into its row. */
export const take = message => takers[message.type]?.(message)

export function refuse({ symbol, code }) {
	const row = rowOf(symbol)
	row.refused = code
	tell("row", row)
}

/** Asks for the list's channels; what was asked for before ends after it, so nothing that stays begins anew. */
function subscribe() {
	const names = wanted.length ? wanted : directory
	const symbols = new Set([...besides, ...names].slice(0, mostSymbols))
	isCut = !wanted.length && names.length > mostSymbols
	watched = [...new Set([...names, ...besides])].filter(name => symbols.has(name)).map(rowOf)
	const key = [...symbols].sort().join()
	if (key !== subscribed) {
		subscribed = key
		const before = subscriptions
		subscriptions = !key ? [] : ["quote", "stats", "status"].map(channel => {
			const options = channel === "status" ? { channel } : { channel, rate }
			const subscription = feed.subscribe([...symbols], options)
			subscription.on("update", takers[channel])
			subscription.on("refused", refuse)
			return subscription
		})
		for (const subscription of before) subscription.close()
	}
	tell("list")
}

/** Watches these, or if there are none all; and `more`, which come first where there are too many. */
export function watch(symbols, more) {
	wanted = symbols
	besides = more
	if (feed) subscribe()
}

export function setRate(value) {
	rate = value
	for (const subscription of subscriptions.slice(0, 2)) subscription.set({ rate })
}

async function readDirectory() {
	try {
		const answer = await fetch(new URL("v1/symbols", import.meta.url), { headers: authorization() })
		if (!answer.ok) return
		const { symbols } = await answer.json()
		directory = symbols.map(entry => entry.symbol)
		for (const entry of symbols) {
			increments.set(entry.symbol, entry.price_increment)
			rows.get(entry.symbol)?.learn(entry.price_increment)
		}
		subscribe()
	} catch {
		// Away; the connection says so, and its next welcome asks again.
	}
}

function begin(name) {
	epoch = name
	for (const row of rows.values()) {
		row.clear()
		tell("row", row)
	}
	tell("epoch")
}

/** Connects, anew where there was a connection: with a token, or by another transport. */
export function start(token, transport) {
	bearer = token
	const before = feed
	const own = connect({ token, transport })
	feed = own
	before?.close()
	subscriptions = []
	subscribed = ""
	// What the one before says as it goes is of no interest any more.
	const listen = (name, listener) => own.on(name, message => own === feed && listener(message))
	// A symbol's status has the same name.
	listen("status", status => status.state && tell("status", status))
	listen("welcome", message => {
		welcome = message
		if (epoch && message.epoch !== epoch) begin(message.epoch)
		epoch = message.epoch
		readDirectory()
		tell("welcome", message)
	})
	listen("epoch", message => message.epoch !== epoch && begin(message.epoch))
	for (const name of ["lag", "gap"]) listen(name, message => tell(name, message))
	window.tickerfeed = { feed }
	subscribe()
	// Events and polls have nothing to open, and so no welcome, before something is subscribed to.
	readDirectory()
	tell("connection")
	tell("status", feed.status)
}

export const token = () => bearer

export const authorization = () => (bearer ? { Authorization: `Bearer ${bearer}` } : {})
