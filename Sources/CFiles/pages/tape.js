// The latest trades, newest on top. A line is taken from the end and put on top: there are never more than `most`.
import * as format from "./format.js"
import { make, repaint, textOf, write } from "./frame.js"

const [most, perFrame] = [200, 24]

class Line {
	constructor() {
		const cells = ["time", "price", "size"].map(name =>
			make("span", { className: name, "data-cell": name, role: "cell" }))
		this.nodes = cells.map(textOf)
		this.line = make("div", { role: "row" }, ...cells)
	}

	show(message, decimals) {
		const isGap = message.type === "gap"
		const isBreak = message.broken !== undefined
		this.trade = isBreak ? undefined : message.trade_id
		// A buyer took an offer, a seller a bid.
		const word = isBreak ? "taken back" : { buy: "▲", sell: "▼" }[message.side] ?? "·"
		this.line.className = `level trade ${isGap || isBreak ? "note" : message.side}`
		const [time, price, size] = this.nodes
		write(time, isGap ? "–" : format.time(message.ts))
		const { from, to, reason } = message
		write(price, isGap ? `${to - from + 1} lost (${reason})` : `${word} ${format.price(message.price, decimals)}`)
		write(size, isGap ? "" : format.size(message.size))
	}
}

export class Tape {
	decimals = 2
	/** Messages that are not shown yet, oldest first. */
	waiting = []
	/** Lines by the trade they show, for those that are taken back. */
	byTrade = new Map()
	lines = []

	constructor(root) {
		const titles = ["Time", "Price", "Size"].map(text => make("span", { role: "columnheader" }, text))
		this.list = make("div", { className: "prints", role: "rowgroup", tabIndex: 0, "aria-label": "newest first" })
		root.append(make("div", { className: "level trade title", role: "row" }, ...titles), this.list)
	}

	show(decimals) {
		this.decimals = decimals
		this.waiting.length = this.lines.length = 0
		this.byTrade.clear()
		this.list.replaceChildren()
	}

	take(message) {
		this.waiting.push(message)
		if (this.waiting.length > most) this.waiting.shift()
		repaint(this)
	}

	paint() {
		for (const message of this.waiting.splice(0, perFrame)) this.put(message)
		return this.waiting.length > 0
	}

	put(message) {
		this.byTrade.get(message.broken)?.line.classList.add("broken")
		const line = this.lines.length < most ? new Line() : this.lines.pop()
		this.byTrade.delete(line.trade)
		line.show(message, this.decimals)
		if (line.trade !== undefined) this.byTrade.set(line.trade, line)
		this.lines.unshift(line)
		this.list.prepend(line.line)
	}
}
