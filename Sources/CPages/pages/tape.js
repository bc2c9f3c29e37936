// The latest trades, newest on top. A line is taken from the end and put on top: there are never more than `most`.
import * as format from "./format.js"
import { make, repaint, textOf, write } from "./frame.js"

const most = 200
const perFrame = 24

export class Tape {
  decimals = 2
  /** Messages that are not shown yet, oldest first. */
  waiting = []
  /** Lines by the trade they show, for those that are taken back. */
  byTrade = new Map()
  lines = []

  constructor(root) {
    const titles = ["Time", "Price", "Size"].map(text => make("span", { role: "columnheader" }, text))
    this.list = make("div", { className: "prints", role: "rowgroup", tabIndex: 0, "aria-label": "Trades, the newest first" })
    root.append(make("div", { className: "trade title", role: "row" }, ...titles), this.list)
  }

  show({ decimals }) {
    this.decimals = decimals
    this.waiting.length = this.lines.length = 0
    this.byTrade.clear()
    this.list.replaceChildren()
  }

  take(message) {
    this.waiting.push(message)
    if (this.waiting.length > most) this.waiting.splice(0, this.waiting.length - most)
    repaint(this)
  }

  paint() {
    for (const message of this.waiting.splice(0, perFrame)) this.put(message)
    return this.waiting.length > 0
  }

  put(message) {
    if (message.broken !== undefined) this.byTrade.get(message.broken)?.line.classList.add("broken")
    const line = this.lines.length < most ? new Line() : this.lines.pop()
    this.byTrade.delete(line.trade)
    line.show(message, this.decimals)
    if (line.trade !== undefined) this.byTrade.set(line.trade, line)
    this.lines.unshift(line)
    this.list.prepend(line.line)
  }
}

class Line {
  constructor() {
    this.cells = ["time", "price", "size"].map(name => make("span", { "data-cell": name, role: "cell" }))
    this.nodes = this.cells.map(textOf)
    this.line = make("div", { role: "row" }, ...this.cells)
  }

  show(message, decimals) {
    const isGap = message.type === "gap"
    const isBreak = message.broken !== undefined
    this.trade = isBreak ? undefined : message.trade_id
    // ▲ a buyer took an offer, ▼ a seller a bid.
    const arrow = message.side === "buy" ? "▲" : message.side === "sell" ? "▼" : "·"
    this.line.className = `trade ${isGap || isBreak ? "note" : (message.side ?? "")}`
    write(this.nodes[0], isGap ? "—" : format.time(message.ts))
    write(this.nodes[1], isGap ? lost(message) : `${isBreak ? "taken back" : arrow} ${format.price(message.price, decimals)}`)
    write(this.nodes[2], isGap ? "" : format.size(message.size))
  }
}

function lost({ from, to, reason }) {
  const count = to - from + 1
  return Number.isFinite(count) ? `${count} trades lost (${reason})` : `trades lost (${reason})`
}
