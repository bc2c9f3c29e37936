// The book: asks above, bids below, the best of both at the spread; bars say how much there is up to a level.
import * as format from "./format.js"
import { make, repaint, textOf, write } from "./frame.js"

class Level {
	constructor() {
		const cells = ["size", "price", "total"].map(name =>
			make("span", { className: name, "data-cell": name, role: "cell" }))
		this.nodes = cells.map(textOf)
		this.bar = make("i", { "aria-hidden": "true" })
		this.line = make("div", { className: "level", role: "row" }, this.bar, ...cells)
	}

	put(level, total, most, decimals) {
		if (this.isThere !== !!level) this.line.classList.toggle("none", !(this.isThere = !!level))
		if (!level) return
		const [size, price, sum] = this.nodes
		if (this.size !== level[1]) write(size, format.size((this.size = level[1])))
		write(price, format.price(level[0], decimals))
		if (this.total !== total) write(sum, format.size((this.total = total)))
		const share = Math.round((total / most) * 200) / 200
		if (this.share !== share) this.bar.style.transform = `scaleX(${(this.share = share)})`
	}
}

export class Ladder {
	book = null
	decimals = 2
	levels = { asks: [], bids: [] }

	constructor(root, badge) {
		this.badge = badge
		this.asks = make("div", { className: "asks", role: "rowgroup", "aria-label": "asks, the best last" })
		this.bids = make("div", { className: "bids", role: "rowgroup", "aria-label": "bids, the best first" })
		const middle = make("span", { role: "cell" })
		this.between = textOf(middle)
		const titles = ["Size", "Price", "Total"].map(text => make("span", { role: "columnheader" }, text))
		const spread = make("div", { className: "spread", role: "row" }, middle)
		root.append(make("div", { className: "level title", role: "row" }, ...titles),
			make("div", { className: "levels" }, this.asks, spread, this.bids))
	}

	show(decimals, depth) {
		this.book = null
		this.decimals = decimals
		for (const side of ["asks", "bids"]) {
			const levels = (this.levels[side] = Array.from({ length: depth }, () => new Level()))
			const lines = levels.map(level => level.line)
			this[side].replaceChildren(...(side === "asks" ? lines.reverse() : lines))
		}
		repaint(this)
	}

	take({ crc }, book) {
		this.hasCRC = crc !== undefined
		this.book = book
		repaint(this)
	}

	paint() {
		const { book, levels, decimals } = this
		const totals = { bids: sums(book?.bids), asks: sums(book?.asks) }
		const most = Math.max(totals.bids.at(-1) ?? 0, totals.asks.at(-1) ?? 0) || 1
		for (const side of ["asks", "bids"])
			levels[side].forEach((level, index) => level.put(book?.[side][index], totals[side][index], most, decimals))
		write(this.between, this.spread())
		const word = !book ? "no book yet" : !book.ok ? "CRC differs" : this.hasCRC ? "CRC ok" : "no CRC"
		if (this.word === word) return
		this.badge.textContent = this.word = word
		this.badge.dataset.ok = { "CRC ok": "yes", "CRC differs": "no" }[word] ?? ""
	}

	spread() {
		const [bid, ask] = [this.book?.bids[0]?.[0], this.book?.asks[0]?.[0]]
		if (bid === undefined || ask === undefined) return this.book ? "one side is empty" : "waiting for the book"
		const gap = Number((ask - bid).toFixed(9))
		if (gap < 0) return `crossed by ${format.price(-gap, this.decimals)}`
		return `spread ${format.price(gap, this.decimals)} · ${((gap / ((ask + bid) / 2)) * 10_000).toFixed(1)} bp`
	}
}

/** Running sums of sizes, rounded to what a size can say. */
function sums(levels = []) {
	let sum = 0
	return levels.map(level => (sum = Number((sum + level[1]).toFixed(8))))
}
