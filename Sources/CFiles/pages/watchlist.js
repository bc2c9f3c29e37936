// The list: only the lines that are seen exist, and in a frame only those are written of which something changed.
//
// Invariants
//   - A line's place in the pool is its place in the list modulo the pool's size: scrolling by one rebinds one.
//   - Nothing is measured in a frame: sizes come from observers, the place from its event.
//   - A frame writes lines for a few milliseconds; the rest come with the next.
//   - A column is as wide as the longest text it has had: digits stay where they are, and none is cut off.
import { go, onChange, state } from "./address.js"
import * as format from "./format.js"
import { everyBeat, make, palette, repaint, textOf } from "./frame.js"
import * as market from "./market.js"

const { price, size } = format
// Name, title, weight (the least go first where there is no room), characters at least, value to sort by, its text.
const columns = [
	["mark", "", 99, 1],
	["symbol", "Symbol", 100, 6, row => row.symbol, String],
	["last", "Last", 98, 8, row => row.stats?.last, price],
	["change", "Change", 60, 6, row => row.stats?.change, format.signed],
	["percent", "%", 97, 9, row => row.percent, format.percent],
	["bid_size", "Bid sz", 30, 6, row => row.quote?.bid_size, size],
	["bid", "Bid", 70, 7, row => row.quote?.bid, price],
	["ask", "Ask", 69, 7, row => row.quote?.ask, price],
	["ask_size", "Ask sz", 29, 6, row => row.quote?.ask_size, size],
	["spread", "Spr bp", 20, 6, row => row.spread, value => value?.toFixed(1) ?? format.none],
	["volume", "Volume", 40, 7, row => row.stats?.volume, format.volume],
	["spark", "Trend", 50, 11],
	["age", "Age", 80, 5, row => -row.heard],
	["state", "State", 45, 9, row => row.state, word => word || format.none],
].map(([name, title, weight, least, value, text]) => ({ name, title, weight, least, value, text }))
const at = Object.fromEntries(columns.map((column, index) => [column.name, index]))
const fixed = { mark: 18, spark: 98 }
export const sortable = columns.filter(column => column.value)

/** A line's height, and a card's where there is no room for a table. */
const [lineHeight, cardHeight, cardsBelow] = [26, 56, 460]
const flashFor = 300
/** Milliseconds of a frame for lines. A frame costs more than a line, so as many as fit into it. */
const budget = 4
/** Pictures in a frame. As canvases they would cost more than all else: each is a layer. */
const sparksPerFrame = 6
const vector = "http://www.w3.org/2000/svg"

let scroller, table, head, body, empty, count
let line = lineHeight
let height = 0
let width = 0
let top = 0
let shown = []
let pool = []
let character = 8
let cursor = ""
let isBroken = false
/** Of each column whether there is no room for it. */
let missing = []
const dirty = []
const flashing = []
const stillness = matchMedia("(prefers-reduced-motion: reduce)")

class Slot {
	row = null
	texts = new Array(columns.length).fill("")
	last = null
	flashEnd = 0

	constructor() {
		this.cells = columns.map(({ name }) => make("td", { role: "gridcell", className: name, "data-cell": name }))
		this.nodes = this.cells.map((cell, index) => (index === at.spark ? null : textOf(cell)))
		const picture = this.cells[at.spark].appendChild(document.createElementNS(vector, "svg"))
		picture.setAttribute("aria-hidden", "true")
		this.trend = picture.appendChild(document.createElementNS(vector, "polyline"))
		this.line = make("tr", { role: "row" }, ...this.cells)
		hide(this.line)
	}

	put(index, text) {
		if (this.texts[index] === text) return
		this.nodes[index].data = this.texts[index] = text
		const column = columns[index]
		if (text.length > column.least && column.name !== "symbol" && column.name !== "state") {
			column.least = text.length
			repaint(measures)
		}
	}

	bind(row, index) {
		if (this.row !== row) {
			this.row = row
			this.last = null
			this.unflash()
			this.line.dataset.symbol = this.cells[at.symbol].title = row.symbol
			row.isSparkDirty = true
		}
		row.slot = this
		this.line.id = `row-${index}`
		this.line.setAttribute("aria-rowindex", index + 2)
		this.line.style.transform = `translateY(${index * line}px)`
		this.choose()
		touch(row)
	}

	choose() {
		this.line.setAttribute("aria-selected", this.row.symbol === cursor)
		this.line.classList.toggle("open", this.row.symbol === state.b)
	}

	paint(now) {
		const { row } = this
		for (let index = 0; index < columns.length; index++) {
			const { value, text } = columns[index]
			if (text) this.put(index, text(value(row), row.decimals))
		}
		this.put(at.mark, isBroken && row.heard ? "×" : row.mark)
		this.paintAge(now)
		// What is said by attributes changes seldom, so it is compared.
		const { stats } = row
		const direction = !stats?.change ? "" : stats.change > 0 ? "up" : "down"
		if (this.direction !== direction) this.line.dataset.direction = this.direction = direction
		if (this.mark !== row.mark) this.line.dataset.mark = this.mark = row.mark
		const isCrossed = row.spread < 0
		if (this.isCrossed !== isCrossed) this.cells[at.spread].classList.toggle("crossed", isCrossed)
		this.isCrossed = isCrossed
		if (!stats) {
			this.last = null
			if (this.flashEnd) this.unflash()
		} else if (stats.last !== this.last) {
			if (this.last != null) this.flash(stats.last > this.last ? "up" : "down", now)
			this.last = stats.last
		}
	}

	paintAge(now) {
		this.put(at.age, this.row.heard ? format.age(now - this.row.heard) : format.none)
	}

	flash(direction, now) {
		if (stillness.matches) return
		this.cells[at.last].dataset.flash = direction
		if (!this.flashEnd) flashing.push(this)
		this.flashEnd = now + flashFor
	}

	unflash() {
		this.flashEnd = 0
		delete this.cells[at.last].dataset.flash
	}

	/** A minute's prices between their lowest and highest, the newest right. */
	paintSpark() {
		const { spark, sparkCount } = this.row
		this.row.isSparkDirty = false
		const held = Math.min(sparkCount, spark.length)
		const price = back => spark[(sparkCount - 1 - back) % spark.length]
		let low = Infinity
		let high = -Infinity
		for (let back = 0; back < held; back++) {
			low = Math.min(low, price(back))
			high = Math.max(high, price(back))
		}
		let points = ""
		for (let back = held - 1; back >= 0 && held > 1; back--) {
			const y = high > low ? 16 - (14 * (price(back) - low)) / (high - low) : 9
			points += `${(82 - (back * 80) / (spark.length - 1)).toFixed(1)},${y.toFixed(1)} `
		}
		this.trend.setAttribute("points", points)
		const moved = held ? price(0) - price(held - 1) : 0
		this.trend.setAttribute("class", moved > 0 ? "up" : moved < 0 ? "down" : "")
	}
}

function touch(row) {
	if (!row.slot || row.isDirty) return
	row.isDirty = true
	dirty.push(row)
	repaint(lines)
}

/** Lines of which something changed, and flashes that are over. */
const lines = {
	from: 0,
	timer: 0,
	paint(now) {
		const began = performance.now()
		while (this.from < dirty.length && performance.now() - began < budget) {
			const row = dirty[this.from++]
			row.isDirty = false
			row.slot?.paint(began)
		}
		if (this.from >= dirty.length) this.from = dirty.length = 0
		let kept = 0
		for (const slot of flashing) {
			if (slot.flashEnd > now) flashing[kept++] = slot
			else slot.unflash()
		}
		flashing.length = kept
		if (kept && !this.timer) this.timer = setTimeout(this.later, flashFor / 2)
		return dirty.length > 0
	},
	later() {
		lines.timer = 0
		repaint(lines)
	},
}

const ages = {
	paint() {
		const now = performance.now()
		for (const slot of pool) if (slot.row) slot.paintAge(now)
	},
}

/** Sparklines that moved. */
const trends = {
	from: 0,
	paint() {
		for (let left = sparksPerFrame; this.from < pool.length && left; this.from++) {
			const slot = pool[this.from]
			if (!slot.row?.isSparkDirty) continue
			slot.paintSpark()
			left--
		}
		if (this.from < pool.length) return true
		this.from = 0
	},
}

/** Which columns there is room for, and how wide each is. */
const measures = {
	paint() {
		const need = ({ name, least, title }) =>
			fixed[name] ?? Math.floor(Math.max(least, title.length + 1) * character + 14)
		const kept = new Set(columns)
		let sum = columns.reduce((total, column) => total + need(column), 0)
		for (const column of [...columns].sort((one, other) => one.weight - other.weight)) {
			if (sum <= width - 12 || kept.size === 1) break
			kept.delete(column)
			sum -= need(column)
		}
		const track = column => (column.name === "mark" ? "18px" : `minmax(${need(column)}px, 1fr)`)
		table.style.setProperty("--tracks", [...kept].map(track).join(" "))
		missing = columns.map(column => line === lineHeight && !kept.has(column))
		for (const each of [head.firstChild, ...pool.map(slot => slot.line)]) hide(each)
	},
}

function hide(line) {
	missing.forEach((isMissing, index) => (line.children[index].hidden = isMissing))
}

/** Binds the lines that are seen to the pool. */
const view = {
	paint() {
		const wanted = Math.min(shown.length, Math.ceil(height / line) + 4)
		for (const slot of pool) if (slot.row?.slot === slot) slot.row.slot = null
		if (pool.length !== wanted) {
			while (pool.length < wanted) pool.push(new Slot())
			pool.length = wanted
			body.replaceChildren(...pool.map(slot => slot.line))
		}
		body.style.height = `${shown.length * line}px`
		const first = Math.max(0, Math.min(Math.floor(top / line) - 1, shown.length - wanted))
		for (let index = first; index < first + wanted; index++) pool[index % wanted].bind(shown[index], index)
		follow()
		repaint(trends)
	},
}

const names = new Intl.Collator("en", { numeric: true })

/** What is not known comes last, either way. */
const byValue = (value, sign) => (one, other) => {
	const [left, right] = [value(one) ?? null, value(other) ?? null]
	if (left === null || right === null) return (left === null) - (right === null)
	return sign * (typeof left === "string" ? names.compare(left, right) : left - right)
}

/** Which rows there are and in which order. */
function arrange() {
	const query = state.q.toUpperCase()
	const [name, way] = state.sort.split(".")
	const value = columns[at[name]]?.value
	let next = listed()
	if (query) next = next.filter(row => row.symbol.toUpperCase().includes(query))
	if (value) next = [...next].sort(byValue(value, way === "desc" ? -1 : 1))
	if (next.length === shown.length && next.every((row, index) => row === shown[index])) return
	shown = next
	table.setAttribute("aria-rowcount", shown.length + 1)
	if (!shown.some(row => row.symbol === cursor)) cursor = shown[0]?.symbol ?? ""
	repaint(view)
}

const listed = () => state.groups.get(state.group)?.map(market.rowOf) ?? market.watched

function describe() {
	const all = listed().length
	const part = shown.length === all ? `${all} symbol${all === 1 ? "" : "s"}` : `${shown.length} of ${all}`
	count.textContent = market.isCut ? `the first ${part} of ${market.directory.length}` : part
	empty.hidden = shown.length > 0
	empty.textContent = state.q ? `No symbol here has “${state.q}” in its name.` : "Waiting for symbols…"
	const [name, way] = state.sort.split(".")
	for (const cell of head.firstChild.children) cell.ariaSort = cell.className === name ? `${way}ending` : "none"
}

const place = () => shown.findIndex(row => row.symbol === cursor)
const follow = () => table.setAttribute("aria-activedescendant", `row-${place()}`)

/** The symbol under the cursor. */
export const current = () => cursor

/** Puts the cursor on a symbol and scrolls there. */
export function select(symbol) {
	cursor = symbol
	for (const slot of pool) if (slot.row) slot.choose()
	follow()
	const from = place() * line
	const room = height - (line === lineHeight ? 28 : 0) - line
	if (from < 0) return
	if (from < top) scroller.scrollTop = from
	else if (from > top + room) scroller.scrollTop = from - room
}

/** Moves the cursor by lines, or as many as are seen. */
export function move(by, pages = 0) {
	const to = place() + by + pages * Math.max(1, Math.floor(height / line) - 2)
	const row = shown[Math.min(shown.length - 1, Math.max(0, to))]
	if (row) select(row.symbol)
}

/** Moves the symbol under the cursor in the user's own order; false while the list has another one. */
export function shift(by) {
	if (state.sort || state.q) return false
	const symbols = shown.map(row => row.symbol)
	const from = place()
	const to = from + by
	if (symbols[from] && symbols[to]) {
		;[symbols[from], symbols[to]] = [symbols[to], symbols[from]]
		const groups = state.groups.has(state.group) && new Map(state.groups).set(state.group, symbols)
		go(groups ? { groups } : { w: symbols.join(",") }, { quiet: true })
		select(symbols[to])
	}
	return true
}

/** Names begin with A, numbers with the greatest. */
const firstWay = name => `${name}.${name === "symbol" || name === "state" ? "asc" : "desc"}`

/** Sorts by a column; by the same again the other way round, then not at all. */
function sortBy(name) {
	const first = firstWay(name)
	if (state.sort === first) reverse()
	else go({ sort: state.sort.startsWith(`${name}.`) ? "" : first })
}

/** By the next column, and behind the last one in one's own order. */
export function sortNext() {
	const next = sortable[sortable.findIndex(column => state.sort.startsWith(`${column.name}.`)) + 1]
	go({ sort: next ? firstWay(next.name) : "" })
}

export function reverse() {
	const [name, way] = state.sort.split(".")
	if (name) go({ sort: `${name}.${way === "asc" ? "desc" : "asc"}` })
}

function build() {
	const titles = columns.map(({ name, title, value }) => {
		const inside = make(value ? "button" : "span", {}, title)
		if (value) inside.addEventListener("click", () => sortBy(name))
		return make("th", { role: "columnheader", className: name }, inside)
	})
	head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...titles))
	body = make("tbody", { role: "rowgroup" })
	table = make("table", { role: "grid", "aria-label": "Watchlist", tabIndex: 0 }, head, body)
	scroller.append(table)
	body.addEventListener("click", event => {
		const symbol = event.target.closest("tr")?.dataset.symbol
		if (symbol) go({ b: symbol })
	})
	const pen = document.createElement("canvas").getContext("2d")
	pen.font = `${getComputedStyle(table).fontSize} ${palette.font}`
	character = pen.measureText("0").width
}

function observe() {
	scroller.addEventListener("scroll", () => {
		top = scroller.scrollTop
		repaint(view)
	}, { passive: true })
	new ResizeObserver(([{ contentRect }]) => {
		width = contentRect.width
		height = contentRect.height
		line = width < cardsBelow ? cardHeight : lineHeight
		scroller.classList.toggle("cards", line === cardHeight)
		repaint(measures)
		repaint(view)
	}).observe(scroller)
}

export function begin() {
	scroller = document.querySelector("#watch")
	empty = document.querySelector("#empty")
	count = document.querySelector("#count")
	build()
	observe()
	market.on("row", touch)
	market.on("list", () => {
		arrange()
		describe()
		if (state.b) select(state.b)
	})
	market.on("status", status => {
		isBroken = status.state !== "open"
		for (const slot of pool) if (slot.row) touch(slot.row)
	})
	onChange(changed => {
		if (["sort", "q", "group", "groups"].some(name => changed.has(name))) arrange(), describe()
		if (changed.has("b")) select(state.b || cursor)
	})
	let beats = 0
	everyBeat(() => {
		repaint(++beats % 2 ? ages : trends)
		if (beats % 2 && state.sort && !state.sort.startsWith("symbol")) arrange()
	})
}
