// The book: asks above, bids below, the best of both at the spread; bars say how much there is up to a level.
import * as format from "./format.js"
import { make, repaint, textOf, write } from "./frame.js"

class Level {
  constructor(side) {
    this.cells = ["size", "price", "total"].map(name => make("span", { "data-cell": name, role: "cell" }))
    this.nodes = this.cells.map(textOf)
    this.bar = make("i", { "aria-hidden": "true" })
    this.line = make("div", { className: `level ${side}`, role: "row" }, this.bar, ...this.cells)
    this.share = -1
  }

  put(level, total, most, decimals) {
    const isThere = level !== undefined
    if (this.isThere !== isThere) this.line.classList.toggle("none", !(this.isThere = isThere))
    if (!isThere) return
    if (this.price !== level[0] || this.decimals !== decimals) {
      this.price = level[0]
      this.decimals = decimals
      write(this.nodes[1], format.price(level[0], decimals))
    }
    if (this.size !== level[1]) write(this.nodes[0], format.size((this.size = level[1])))
    if (this.total !== total) write(this.nodes[2], format.size((this.total = total)))
    const share = Math.round((total / most) * 200) / 200
    if (this.share !== share) this.bar.style.transform = `scaleX(${(this.share = share)})`
  }
}

export class Ladder {
  book = null
  message = null
  decimals = 2

  constructor(root, badge) {
    this.badge = badge
    this.asks = make("div", { className: "side asks", role: "rowgroup", "aria-label": "Asks, the best last" })
    this.bids = make("div", { className: "side bids", role: "rowgroup", "aria-label": "Bids, the best first" })
    this.middle = make("div", { className: "spread", role: "row" }, make("span", { role: "cell" }))
    this.middleText = textOf(this.middle.firstChild)
    const title = make("div", { className: "level title", role: "row" },
      ...["Size", "Price", "Total"].map(text => make("span", { role: "columnheader" }, text)))
    root.append(title, make("div", { className: "levels" }, this.asks, this.middle, this.bids))
    this.levels = { asks: [], bids: [] }
  }

  show({ decimals, depth }) {
    this.book = null
    this.decimals = decimals
    for (const side of ["asks", "bids"]) {
      const levels = (this.levels[side] = Array.from({ length: depth }, () => new Level(side)))
      const lines = levels.map(level => level.line)
      this[side].replaceChildren(...(side === "asks" ? lines.reverse() : lines))
    }
    repaint(this)
  }

  take(message, book) {
    this.message = message
    this.book = book
    repaint(this)
  }

  paint() {
    const { book } = this
    const totals = { bids: sums(book?.bids), asks: sums(book?.asks) }
    const most = Math.max(totals.bids.at(-1) ?? 0, totals.asks.at(-1) ?? 0) || 1
    for (const side of ["asks", "bids"])
      this.levels[side].forEach((level, index) => level.put(book?.[side][index], totals[side][index], most, this.decimals))
    const [bid, ask] = [book?.bids[0]?.[0], book?.asks[0]?.[0]]
    write(this.middleText, this.between(bid, ask))
    this.middle.classList.toggle("crossed", bid > ask)
    const words = !book ? "no book yet" : book.ok === false ? "CRC differs" : this.message.crc === undefined ? "no CRC" : "CRC ok"
    if (this.words !== words) {
      this.badge.textContent = this.words = words
      this.badge.dataset.ok = words === "CRC ok" ? "yes" : words === "CRC differs" ? "no" : ""
    }
  }

  between(bid, ask) {
    if (bid == null || ask == null) return this.book ? "one side is empty" : "waiting for the book"
    const gap = Number((ask - bid).toFixed(9))
    const share = ((gap / ((ask + bid) / 2)) * 10_000).toFixed(1)
    return gap < 0 ? `crossed by ${format.price(-gap, this.decimals)}` : `spread ${format.price(gap, this.decimals)} · ${share} bp`
  }
}

/** Running sums of sizes; rounded to what a size can say. */
function sums(levels = []) {
  let sum = 0
  return levels.map(level => (sum = Number((sum + level[1]).toFixed(8))))
}
