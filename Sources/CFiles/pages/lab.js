// The stream lab: a connection of its own, to see what a rate, a slow reader or another transport does.
//
// The source's rate is known without asking for everything: `seq` counts versions, sent or not.
import { onChange, state } from "./address.js"
import { connect } from "./tickerfeed.js"
import * as format from "./format.js"
import { everyBeat, fit, make, palette, repaint, textOf, write } from "./frame.js"
import * as market from "./market.js"

/** Places of the slider are rates: evenly by factor from 0.1 to 1000, behind it "max". */
const last = 81
const rateAt = place => (place >= last ? "max" : Number((0.1 * 10 ** (place / 20)).toPrecision(2)))
const bandwidths = [null, 10_000, 2000, 500, 200, 100, 50, 20, 8]
const seconds = 90
const perSecond = value => `${format.pace(value)}/s`
const figures = {
	source: ["source", perSecond, "versions that the feed made of what is subscribed"],
	received: ["received", perSecond, "data messages that came here"],
	merged: ["merged", perSecond, "versions that newer ones replaced on the way"],
	lag: ["lag", format.span, "how long the server holds what is not taken"],
	buffered: ["buffered", format.bytes, "bytes that wait in the server"],
	bytes: ["bytes", value => `${format.bytes(value)}/s`, "bytes that came here"],
	rtt: ["round trip", format.span, "the last ping's way there and back"],
}

let root, inputs
const nodes = {}
let feed = null
let subscription = null
let facts = {}
let newest = null
let counted = { source: 0, received: 0 }
let before = null
const seen = new Map()
const history = { source: [], received: [], lag: [], bytes: [] }
const graphs = []

function take(message) {
	const { sym, seq, prev, type } = message
	if (sym || !newest?.sym) newest = message
	if (!seq || type === "status") return
	counted.received++
	const known = seen.get(sym) ?? prev
	if (known && seq > known) counted.source += seq - known
	seen.set(sym, seq)
}

function subscribe() {
	subscription?.close()
	subscription = null
	seen.clear()
	const channel = inputs.channel.value
	const symbols = inputs.symbols.value === "one" && state.b ? [state.b] : market.watched.map(row => row.symbol)
	const options = { channel, rate: rateAt(inputs.rate.value), mode: channel === "trade" ? "latest" : undefined }
	if (symbols.length) subscription = feed.subscribe(symbols, options)
}

const chosen = () => ({ transport: inputs.transport.value, encoding: inputs.encoding.value })

function open() {
	for (const line of Object.values(history)) line.length = 0
	facts = {}
	before = null
	feed = connect({ token: market.token(), hiddenRate: null, ...chosen() })
	feed.on("lag", next => (facts = next))
	feed.on("epoch", () => seen.clear())
	feed.on("message", take)
	feed.on("status", tell)
	tell(feed.status)
	subscribe()
	paintLimits()
}

function tell({ state: word, transport, encoding, reason }) {
	if (!word) return
	const why = reason ? `: ${reason.message || reason.code}` : ""
	write(nodes.state, word === "open" ? `open by ${transport}, ${encoding}` : word + why)
	inputs.kbps.disabled = transport !== "websocket"
	root.querySelector("#kbps-note").hidden = transport === "websocket"
}

/** The sliders' words, and the limit where it is to hold. */
function paintLimits() {
	const rate = rateAt(inputs.rate.value)
	const limit = bandwidths[inputs.kbps.value]
	write(nodes.rate, rate === "max" ? "max" : `${rate}/s`)
	write(nodes.kbps, limit === null ? "unlimited" : `${limit} kbit/s`)
	for (const name of ["rate", "kbps"]) inputs[name].setAttribute("aria-valuetext", nodes[name].data)
	feed?.set({ max_kbps: limit })
	return rate
}

/** Once a second: what is new since the second before. */
function measure() {
	const now = performance.now()
	if (!feed || (before && now - before.now < 900)) return
	const sums = { now, ...counted, bytes: feed.counts.bytes, merged: facts.merged }
	const rate = name => Math.max(0, ((sums[name] - before[name]) * 1000) / (now - before.now))
	if (before) {
		const values = { lag: facts.lag_ms, buffered: facts.buffered, rtt: facts.rtt_ms }
		for (const name of ["source", "received", "bytes", "merged"]) values[name] = rate(name) || 0
		for (const [name, [, text]] of Object.entries(figures))
			write(nodes[name], values[name] == null ? format.none : text(values[name]))
		for (const [name, line] of Object.entries(history)) {
			line.push(values[name] ?? 0)
			if (line.length > seconds) line.shift()
		}
		if (newest) write(nodes.json, JSON.stringify(newest, null, 2))
		repaint(painter)
	}
	before = sums
}

const painter = {
	paint() {
		for (const graph of graphs) draw(graph)
	},
}

function draw({ canvas, names, width, height }) {
	if (!width) return
	const pen = fit(canvas, width, height)
	const top = Math.max(...names.flatMap(name => history[name]), 0)
	const floor = height - 4
	pen.fillStyle = palette.line
	pen.fillRect(0, 18, width, 1)
	pen.fillRect(0, floor, width, 1)
	pen.fillStyle = palette.soft
	pen.textAlign = "right"
	pen.fillText(figures[names[0]][1](top), width - 2, 9)
	for (const name of names) {
		const line = history[name]
		const x = index => width - (line.length - 1 - index) * (width / (seconds - 1))
		pen.beginPath()
		line.forEach((value, index) => pen.lineTo(x(index), floor - (value / (top || 1)) * (floor - 19)))
		pen.strokeStyle = palette[{ source: "soft", lag: "warn" }[name] ?? "accent"]
		pen.lineWidth = 1.5
		pen.stroke()
	}
}

/** Opens or closes the lab, as the address says. */
function follow() {
	root.hidden = state.view !== "lab"
	if (!root.hidden && !feed) open()
	else if (root.hidden && feed) {
		feed.close()
		feed = subscription = null
	}
}

function change({ target: { name } }) {
	const rate = paintLimits()
	if (name === "rate") subscription?.set({ rate })
	else if (name === "transport" || name === "encoding") feed.use(chosen())
	else if (name !== "kbps") subscribe()
}

export function begin() {
	root = document.querySelector("#lab")
	const form = root.querySelector("form")
	inputs = form.elements
	inputs.rate.max = last
	inputs.rate.value = 40
	inputs.kbps.max = bandwidths.length - 1
	form.addEventListener("submit", event => event.preventDefault())
	form.addEventListener("input", change)
	nodes.json = textOf(root.querySelector("pre"))
	nodes.state = textOf(root.querySelector("#lab-state"))
	for (const name of ["rate", "kbps"]) nodes[name] = textOf(root.querySelector(`output[for=lab-${name}]`))
	for (const [name, [label, , title]] of Object.entries(figures)) {
		const value = make("dd", { "data-figure": name }, format.none)
		nodes[name] = textOf(value)
		root.querySelector("dl").append(make("div", { title }, make("dt", {}, label), value))
	}
	for (const canvas of root.querySelectorAll("canvas")) {
		const graph = { canvas, names: canvas.dataset.lines.split(" "), width: 0, height: 0 }
		graphs.push(graph)
		new ResizeObserver(([{ contentRect: { width, height } }]) => {
			Object.assign(graph, { width, height })
			repaint(painter)
		}).observe(canvas.parentElement)
	}
	paintLimits()
	everyBeat(measure)
	market.on("list", () => feed && subscribe())
	market.on("connection", () => {
		if (!feed) return
		feed.close()
		open()
	})
	onChange(changed => changed.has("view") && follow())
	follow()
}

/** After the theme changed. */
export const recolour = () => repaint(painter)
