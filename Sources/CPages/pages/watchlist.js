// The list: only the lines that are seen exist, and in a frame only those are written of which something changed.
//
// Invariants
//   - A line's place in the pool is its place in the list modulo the pool's size: scrolling by one rebinds one.
//   - Nothing is measured in a frame. Sizes come from observers, the scroll position from its event.
//   - A frame writes lines for a few milliseconds; the rest come with the next.
//   - A column is as wide as the longest text it has had, so digits stay where they are and none is cut off.
import * as address from "./address.js"
import * as format from "./format.js"
import { everyBeat, make, palette, repaint, textOf } from "./frame.js"
import * as market from "./market.js"

const { state, go } = address

// Wide columns first to go have the least weight. `value` is what is sorted by, `text` what is shown.
const columns = [
  { name: "mark", title: "", weight: 99, least: 1 },
  { name: "symbol", title: "Symbol", weight: 100, least: 6, value: row => row.symbol },
  { name: "last", title: "Last", weight: 98, least: 7, value: row => row.stats?.last },
  { name: "change", title: "Change", weight: 60, least: 6, value: row => row.stats?.change },
  { name: "percent", title: "%", weight: 97, least: 9, value: row => row.percent },
  { name: "bid_size", title: "Bid sz", weight: 30, least: 6, value: row => row.quote?.bid_size },
  { name: "bid", title: "Bid", weight: 70, least: 7, value: row => row.quote?.bid },
  { name: "ask", title: "Ask", weight: 69, least: 7, value: row => row.quote?.ask },
  { name: "ask_size", title: "Ask sz", weight: 29, least: 6, value: row => row.quote?.ask_size },
  { name: "spread", title: "Spr bp", weight: 20, least: 6, value: row => row.spread },
  { name: "volume", title: "Volume", weight: 40, least: 7, value: row => row.stats?.volume },
  { name: "spark", title: "Trend", weight: 50, least: 11 },
  { name: "age", title: "Age", weight: 80, least: 5, value: row => -row.heard },
  { name: "state", title: "State", weight: 45, least: 8, value: row => row.state },
]
const at = Object.fromEntries(columns.map((column, index) => [column.name, index]))
export const sortable = columns.filter(column => column.value).map(({ name, title }) => ({ name, title }))
/** A line's height: a row of the table, and a card where there is room for no table. */
const heights = { table: 26, cards: 56 }
const cardsBelow = 460
const flashFor = 300
/** Milliseconds and lines of a frame: many lines at once would be one long frame, over some it is none. */
const budget = 4
const linesPerFrame = 10
/** Sparklines in a frame. A canvas for each would cost more than all else: each is a layer of its own. */
const sparksPerFrame = 6
const vector = "http://www.w3.org/2000/svg"

let scroller, table, head, body, empty, count
let layout = "table"
let height = 0
let width = 0
let top = 0
let shown = []
let pool = []
let character = 8
let cursor = ""
let isBroken = false
/** Of each column whether there is no room for it. */
let lineup = []
const dirty = []
const flashing = []
const stillness = matchMedia("(prefers-reduced-motion: reduce)")

class Slot {
  row = null
  texts = new Array(columns.length).fill("")
  last = null
  flashEnd = 0

  constructor() {
    this.cells = columns.map(({ name }) => make("td", { role: "gridcell", "data-cell": name }))
    this.trend = document.createElementNS(vector, "polyline")
    const picture = document.createElementNS(vector, "svg")
    picture.setAttribute("aria-hidden", "true")
    picture.append(this.trend)
    this.cells[at.spark].append(picture)
    this.nodes = this.cells.map((cell, index) => (index === at.spark ? null : textOf(cell)))
    this.line = make("tr", { role: "row" }, ...this.cells)
  }

  put(index, text) {
    if (this.texts[index] === text) return
    this.texts[index] = text
    this.nodes[index].data = text
    const column = columns[index]
    if (text.length > column.least && index !== at.symbol && index !== at.state) {
      column.least = text.length
      repaint(measures)
    }
  }

  bind(row, index) {
    if (this.row !== row) {
      this.row = row
      this.last = null
      this.unflash()
      this.line.dataset.symbol = row.symbol
      this.line.title = row.symbol.length > 9 ? row.symbol : ""
      row.isSparkDirty = true
    }
    row.slot = this
    this.line.id = `row-${index}`
    this.line.setAttribute("aria-rowindex", index + 2)
    this.line.classList.toggle("odd", index % 2 === 1)
    this.line.style.transform = `translateY(${index * heights[layout]}px)`
    this.choose()
    touch(row)
  }

  choose() {
    const { symbol } = this.row
    this.line.setAttribute("aria-selected", symbol === cursor)
    this.line.classList.toggle("open", symbol === state.b)
  }

  paint(now) {
    const { row } = this
    const { quote, stats, decimals } = row
    this.put(at.symbol, row.symbol)
    this.put(at.last, format.price(stats?.last, decimals))
    this.put(at.change, format.signed(stats?.change, decimals))
    this.put(at.percent, format.percent(row.percent))
    this.put(at.bid_size, format.size(quote?.bid_size))
    this.put(at.bid, format.price(quote?.bid, decimals))
    this.put(at.ask, format.price(quote?.ask, decimals))
    this.put(at.ask_size, format.size(quote?.ask_size))
    const spread = row.spread
    this.put(at.spread, spread == null ? format.none : spread.toFixed(1))
    this.put(at.volume, format.volume(stats?.volume))
    this.paintAge(now)
    this.paintWords(row, stats, spread)
    if (stats && stats.last !== this.last) {
      if (this.last != null) this.flash(stats.last > this.last ? "up" : "down", now)
      this.last = stats.last
    }
  }

  /** What is said by classes: they change seldom, so they are compared and not written. */
  paintWords(row, stats, spread) {
    const word = row.state
    const mark = isBroken && row.heard ? "×" : row.mark
    this.put(at.state, word || format.none)
    if (this.texts[at.mark] !== mark) this.cells[at.mark].title = mark === "×" ? "the connection is broken" : word
    this.put(at.mark, mark)
    const direction = !stats || !stats.change ? "" : stats.change > 0 ? "up" : "down"
    if (this.direction !== direction) this.line.dataset.direction = this.direction = direction
    if (this.word !== row.mark) this.line.dataset.mark = this.word = row.mark
    const isCrossed = spread != null && spread < 0
    if (this.isCrossed !== isCrossed) this.cells[at.spread].classList.toggle("crossed", (this.isCrossed = isCrossed))
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
    if (!this.flashEnd) return
    this.flashEnd = 0
    delete this.cells[at.last].dataset.flash
  }

  /** A minute's prices between their lowest and highest, the newest right. */
  paintSpark() {
    const { row, trend } = this
    const { spark, sparkCount } = row
    row.isSparkDirty = false
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
    trend.setAttribute("points", points)
    const moved = held ? price(0) - price(held - 1) : 0
    trend.setAttribute("class", moved > 0 ? "up" : moved < 0 ? "down" : "")
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
  paint(now) {
    const began = performance.now()
    const end = Math.min(dirty.length, this.from + linesPerFrame)
    while (this.from < end && performance.now() - began < budget) {
      const row = dirty[this.from++]
      row.isDirty = false
      row.slot?.paint(began)
    }
    if (this.from >= dirty.length) {
      dirty.length = 0
      this.from = 0
    }
    let kept = 0
    for (const slot of flashing) {
      if (slot.flashEnd > now) flashing[kept++] = slot
      else slot.unflash()
    }
    flashing.length = kept
    if (kept && !this.timer) this.timer = setTimeout(this.later, flashFor / 2)
    return dirty.length > 0
  },
  timer: 0,
  later() {
    lines.timer = 0
    repaint(lines)
  },
}

/** Ages of all lines. */
const ages = {
  paint() {
    const now = performance.now()
    for (const slot of pool) if (slot.row) slot.paintAge(now)
  },
}

/** Sparklines that moved, some in each frame. */
const trends = {
  from: 0,
  paint() {
    let left = sparksPerFrame
    for (; this.from < pool.length && left; this.from++) {
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
    const needs = columns.map(column =>
      column.name === "mark" ? 18 : column.name === "spark" ? 96
        : (Math.max(column.least, column.title.length + 1) + (column.name === "last" ? 1.5 : 0)) * character + 14)
    const kept = new Set(columns)
    let sum = needs.reduce((total, need) => total + need, 0)
    for (const column of [...columns].sort((one, other) => one.weight - other.weight)) {
      if (sum <= width - 12 || kept.size === 1) break
      kept.delete(column)
      sum -= needs[columns.indexOf(column)]
    }
    const tracks = columns.map((column, index) =>
      !kept.has(column) ? "" : column.name === "mark" ? `${needs[index]}px` : `minmax(${Math.floor(needs[index])}px, ${
        column.name === "symbol" ? 1.2 : 1}fr)`)
    table.style.setProperty("--tracks", tracks.filter(Boolean).join(" "))
    lineup = columns.map(column => layout === "table" && !kept.has(column))
    for (const line of [head.firstChild, ...pool.map(slot => slot.line)]) hide(line)
  },
}

/** Takes columns away for which there is no room. */
function hide(line) {
  for (let index = 0; index < columns.length; index++) line.children[index].hidden = lineup[index] === true
}

/** The lines of the list that are seen, bound to the pool. */
const frame = {
  paint() {
    const line = heights[layout]
    const wanted = Math.min(shown.length, Math.ceil(height / line) + 4)
    if (pool.length !== wanted) resize(wanted)
    body.style.height = `${shown.length * line}px`
    const first = Math.max(0, Math.min(Math.floor(top / line) - 1, shown.length - pool.length))
    for (const slot of pool) if (slot.row?.slot === slot) slot.row.slot = null
    for (let index = first; index < first + pool.length; index++) pool[index % pool.length].bind(shown[index], index)
    follow()
    repaint(trends)
  },
}

function resize(wanted) {
  for (const slot of pool) if (slot.row?.slot === slot) slot.row.slot = null
  while (pool.length < wanted) {
    const slot = new Slot()
    hide(slot.line)
    pool.push(slot)
  }
  pool.length = wanted
  body.replaceChildren(...pool.map(slot => slot.line))
}

const text = new Intl.Collator("en", { numeric: true })

/** Which rows there are and in which order; at most once a second while it is sorted by what moves. */
export function arrange() {
  const group = state.groups.get(state.group)
  const query = state.q.toUpperCase()
  let next = group ? group.map(market.rowOf) : market.watched
  if (query) next = next.filter(row => row.symbol.toUpperCase().includes(query))
  const [name, way] = state.sort.split(".")
  const { value } = columns[at[name]] ?? {}
  if (value) next = [...next].sort(byValue(value, way === "desc" ? -1 : 1))
  const isSame = next.length === shown.length && next.every((row, index) => row === shown[index])
  if (isSame) return
  shown = next
  table.setAttribute("aria-rowcount", shown.length + 1)
  if (!shown.some(row => row.symbol === cursor)) cursor = shown[0]?.symbol ?? ""
  describe()
  repaint(frame)
}

/** What is not known comes last, either way. */
const byValue = (value, sign) => (one, other) => {
  const [left, right] = [value(one) ?? null, value(other) ?? null]
  if (left === null || right === null) return (left === null) - (right === null)
  return sign * (typeof left === "string" ? text.compare(left, right) : left - right)
}

function describe() {
  const all = (state.groups.get(state.group) ?? market.watched).length
  const part = shown.length === all ? `${all} symbols` : `${shown.length} of ${all}`
  count.textContent = market.isCut ? `the first ${part} of ${market.directory.length}` : part
  empty.hidden = shown.length > 0
  empty.textContent = state.q ? `No symbol here has “${state.q}” in its name.` : "Waiting for symbols…"
}

function follow() {
  const index = shown.findIndex(row => row.symbol === cursor)
  table.setAttribute("aria-activedescendant", index < 0 ? "" : `row-${index}`)
}

/** The symbol under the cursor. */
export const current = () => cursor

/** Puts the cursor on a symbol and scrolls there. */
export function select(symbol) {
  cursor = symbol
  for (const slot of pool) if (slot.row) slot.choose()
  follow()
  const index = shown.findIndex(row => row.symbol === symbol)
  if (index < 0) return
  const line = heights[layout]
  const room = height - (layout === "table" ? 28 : 0)
  if (index * line < top) scroller.scrollTop = index * line
  else if ((index + 1) * line > top + room) scroller.scrollTop = (index + 1) * line - room
}

/** Moves the cursor by lines, by a page ("page") or to an end (±Infinity). */
export function move(by) {
  if (!shown.length) return
  const page = Math.max(1, Math.floor(height / heights[layout]) - 2)
  const index = shown.findIndex(row => row.symbol === cursor)
  const next = Math.min(shown.length - 1, Math.max(0, index + (Math.abs(by) === 0.5 ? by * 2 * page : by)))
  select(shown[next].symbol)
}

/** Moves the symbol under the cursor in the user's own order; false while the list has another one. */
export function shift(by) {
  if (state.sort || state.q) return false
  const names = shown.map(row => row.symbol)
  const from = names.indexOf(cursor)
  const to = from + by
  if (from < 0 || to < 0 || to >= names.length) return true
  ;[names[from], names[to]] = [names[to], names[from]]
  if (state.groups.has(state.group)) go({ groups: new Map(state.groups).set(state.group, names) }, { quiet: true })
  else go({ w: names.join(",") }, { quiet: true })
  select(cursor)
  return true
}

/** Sorts by a column; by the same again the other way round, then not at all. */
export function sortBy(name) {
  const [before, way] = state.sort.split(".")
  const first = name === "symbol" || name === "state" ? "asc" : "desc"
  const second = first === "asc" ? "desc" : "asc"
  go({ sort: before !== name ? `${name}.${first}` : way === first ? `${name}.${second}` : "" })
}

/** The next column to sort by, and behind the last one's own order. */
export function sortNext() {
  const index = sortable.findIndex(column => column.name === state.sort.split(".")[0])
  const next = sortable[index + 1]
  if (next) go({ sort: `${next.name}.${next.name === "symbol" || next.name === "state" ? "asc" : "desc"}` })
  else go({ sort: "" })
}

export function reverse() {
  const [name, way] = state.sort.split(".")
  if (name) go({ sort: `${name}.${way === "asc" ? "desc" : "asc"}` })
}

function title() {
  const [name, way] = state.sort.split(".")
  for (const cell of head.firstChild.children) {
    const isSorted = cell.dataset.column === name
    cell.setAttribute("aria-sort", !isSorted ? "none" : way === "asc" ? "ascending" : "descending")
  }
}

function build() {
  const titles = columns.map(column => {
    const cell = make("th", { role: "columnheader", "data-column": column.name, scope: "col" })
    if (column.value) {
      const button = make("button", { type: "button", title: `sort by ${column.title}` }, column.title)
      button.addEventListener("click", () => sortBy(column.name))
      cell.append(button)
    } else cell.append(make("span", {}, column.title))
    return cell
  })
  head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...titles))
  body = make("tbody", { role: "rowgroup" })
  table = make("table", { role: "grid", "aria-label": "Watchlist", "aria-readonly": "true", tabIndex: 0 }, head, body)
  scroller.append(table)
  body.addEventListener("click", event => {
    const symbol = event.target.closest("tr")?.dataset.symbol
    if (!symbol) return
    select(symbol)
    go({ b: symbol })
  })
}

function observe() {
  scroller.addEventListener("scroll", () => {
    top = scroller.scrollTop
    repaint(frame)
  }, { passive: true })
  new ResizeObserver(([{ contentRect }]) => {
    width = contentRect.width
    height = contentRect.height
    layout = width < cardsBelow ? "cards" : "table"
    scroller.dataset.layout = layout
    repaint(measures)
    repaint(frame)
  }).observe(scroller)
}

export function begin() {
  scroller = document.querySelector("#watch")
  empty = document.querySelector("#empty")
  count = document.querySelector("#count")
  build()
  const pen = document.createElement("canvas").getContext("2d")
  pen.font = `${getComputedStyle(table).fontSize} ${palette.font}`
  character = pen.measureText("0").width
  observe()
  title()
  market.on("row", touch)
  market.on("list", () => {
    shown = []
    arrange()
    describe()
  })
  market.on("status", status => {
    const wasBroken = isBroken
    isBroken = status.state !== "open"
    if (wasBroken !== isBroken) for (const slot of pool) if (slot.row) touch(slot.row)
  })
  address.onChange(changed => {
    if (["sort", "q", "group", "groups"].some(name => changed.has(name))) arrange(), title(), describe()
    if (changed.has("b")) for (const slot of pool) if (slot.row) slot.choose()
  })
  let beats = 0
  everyBeat(() => {
    repaint(++beats % 2 ? ages : trends)
    if (beats % 2 === 0 && state.sort && !state.sort.startsWith("symbol")) arrange()
  })
}
