// One symbol: its day, chart, book and trades. What it subscribes to ends when it closes or the page is hidden.
import { go, onChange, state } from "./address.js"
import { Chart, takeBar } from "./chart.js"
import * as format from "./format.js"
import { make, repaint, textOf, write } from "./frame.js"
import { Ladder } from "./ladder.js"
import * as market from "./market.js"
import { Tape } from "./tape.js"

const { price, size, volume } = format
const day = [
	["Open", (stats, decimals) => price(stats.open, decimals)],
	["High", (stats, decimals) => price(stats.high, decimals)],
	["Low", (stats, decimals) => price(stats.low, decimals)],
	// A mean has more digits than it is worth: two beyond the price's.
	["VWAP", (stats, decimals) => stats.vwap?.toFixed(decimals + 2) ?? format.none],
	["Volume", stats => volume(stats.volume)],
	["Trades", stats => size(stats.count)],
]
/** Bars of what was looked at before, by "symbol interval": coming back is no new beginning. */
const kept = new Map()
const mostKept = 16

let root, chart, ladder, tape
const nodes = {}
let symbol = ""
let subscriptions = []

const header = {
	paint() {
		if (!symbol) return
		const row = market.rowOf(symbol)
		const { stats, decimals } = row
		write(nodes.name, symbol)
		write(nodes.last, price(stats?.last, decimals))
		write(nodes.change, format.signed(stats?.change, decimals))
		write(nodes.percent, format.percent(row.percent))
		write(nodes.state, row.state)
		root.dataset.direction = !stats?.change ? "" : stats.change > 0 ? "up" : "down"
		root.dataset.mark = row.mark
		for (const [title, text] of day) write(nodes[title], stats ? text(stats, decimals) : format.none)
	},
}

function barsOf(key) {
	const bars = kept.get(key) ?? []
	kept.delete(key)
	kept.set(key, bars)
	if (kept.size > mostKept) kept.delete(kept.keys().next().value)
	return bars
}

function subscribe(channel, options, update) {
	const subscription = market.feed.subscribe(symbol, { channel, background: "off", ...options })
	subscription.on("update", update)
	subscriptions.push(subscription)
	return subscription
}

/** What is not in the list has its day by subscriptions of its own. */
function subscribeRow(row) {
	if (market.watched.includes(row)) return
	for (const channel of ["stats", "status"])
		subscribe(channel, {}, market.take).on("refused", market.refuse)
}

function showBars(row) {
	const bars = barsOf(`${symbol} ${state.interval}`)
	chart.kind = state.chart
	chart.show(bars, state.interval === "1s" ? 1 : 60, row.decimals)
	subscribe("bar", { interval: state.interval, rate: 4 }, message => {
		takeBar(bars, message)
		chart.decimals = row.decimals
		repaint(chart)
	})
}

function showBook(row) {
	const depth = Number(state.depth)
	ladder.show(row.decimals, depth)
	subscribe("book", { depth, crc: true, rate: 10 }, (message, book) => {
		ladder.decimals = row.decimals
		ladder.take(message, book)
	})
}

function showTrades(row) {
	tape.show(row.decimals)
	const trades = subscribe("trade", { mode: "every", rate: 10 }, message => {
		tape.decimals = row.decimals
		tape.take(message)
	})
	trades.on("gap", gap => tape.take({ ...gap, type: "gap" }))
}

/** Shows what the address says, or nothing. */
export function show() {
	for (const subscription of subscriptions) subscription.close()
	subscriptions = []
	symbol = state.view === "lab" ? "" : state.b
	root.hidden = !symbol
	document.body.classList.toggle("with-symbol", symbol !== "")
	if (!symbol || !market.feed) return
	const row = market.rowOf(symbol)
	subscribeRow(row)
	showBars(row)
	showBook(row)
	showTrades(row)
	press()
	repaint(header)
}

function press() {
	for (const button of root.querySelectorAll("[data-set]")) {
		const [name, value] = button.dataset.set.split("=")
		button.setAttribute("aria-pressed", state[name] === value)
	}
	root.querySelector("select").value = state.depth
}

const choices = { chart: ["candles", "line"], interval: ["1s", "1m"] }
/** The other one of the chart's kinds or intervals. */
export const toggle = name => go({ [name]: choices[name].find(value => value !== state[name]) })

function read(bar) {
	if (!bar) return write(nodes.readout, "")
	const [o, h, l, c] = [bar.open, bar.high, bar.low, bar.close].map(value => price(value, chart.decimals))
	write(nodes.readout, `${format.clock(bar.start)}  O ${o}  H ${h}  L ${l}  C ${c}  V ${volume(bar.volume)}`)
}

export function begin() {
	root = document.querySelector("#symbol")
	const find = selector => root.querySelector(selector)
	for (const [title] of day) {
		const value = make("dd")
		nodes[title] = textOf(value)
		find("dl").append(make("div", {}, make("dt", {}, title), value))
	}
	for (const name of ["last", "change", "percent", "state"]) nodes[name] = textOf(find(`.quote .${name}`))
	nodes.name = textOf(find("h2"))
	nodes.readout = textOf(find("#readout"))
	chart = new Chart(find("#chart"), read)
	ladder = new Ladder(find("#ladder"), find("#crc"))
	tape = new Tape(find("#tape"))
	root.addEventListener("click", event => {
		const [name, value] = event.target.closest("[data-set]")?.dataset.set.split("=") ?? []
		if (name) go({ [name]: value })
	})
	find("select").addEventListener("change", event => go({ depth: event.target.value }))
	find("[data-close]").addEventListener("click", () => go({ b: "" }))
	market.on("row", row => row.symbol === symbol && repaint(header))
	market.on("connection", show)
	market.on("epoch", () => {
		kept.clear()
		show()
	})
	onChange(changed => {
		if (changed.has("chart") && changed.size === 1) {
			chart.kind = state.chart
			press()
			repaint(chart)
		} else if (["b", "view", "chart", "interval", "depth"].some(name => changed.has(name))) show()
	})
}

/** After the theme changed. */
export const recolour = () => repaint(chart)
