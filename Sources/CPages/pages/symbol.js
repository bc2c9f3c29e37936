// One symbol: its day, chart, book and trades. What it subscribes to ends when it closes or the page is hidden.
import * as address from "./address.js"
import { Chart } from "./chart.js"
import * as format from "./format.js"
import { make, repaint, textOf, write } from "./frame.js"
import { Ladder } from "./ladder.js"
import * as market from "./market.js"
import { Tape } from "./tape.js"

const { state, go } = address
const dayFields = ["open", "high", "low", "vwap", "volume", "count"]
const titles = { open: "Open", high: "High", low: "Low", vwap: "VWAP", volume: "Volume", count: "Trades" }
/** Bars of what was looked at before, so that coming back is no new beginning. By "symbol interval". */
const kept = new Map()
const mostKept = 16

let root, chart, ladder, tape, readout
const nodes = {}
let symbol = ""
let subscriptions = []

const header = {
  paint() {
    if (!symbol) return
    const row = market.rowOf(symbol)
    const { stats, decimals } = row
    write(nodes.name, symbol)
    write(nodes.last, format.price(stats?.last, decimals))
    write(nodes.change, format.signed(stats?.change, decimals))
    write(nodes.percent, format.percent(row.percent))
    write(nodes.state, row.state || format.none)
    root.dataset.direction = !stats?.change ? "" : stats.change > 0 ? "up" : "down"
    root.dataset.mark = row.mark
    for (const field of dayFields) {
      const value = stats?.[field]
      const isPrice = field !== "volume" && field !== "count"
      // A mean has more digits than it is worth: shown to two beyond the price's.
      write(nodes[field], field === "vwap" && value != null ? value.toFixed(decimals + 2)
        : isPrice ? format.price(value, decimals) : field === "count" ? format.size(value) : format.volume(value))
    }
  },
}

function barsOf(name, interval) {
  const key = `${name} ${interval}`
  const bars = kept.get(key) ?? []
  kept.delete(key)
  kept.set(key, bars)
  if (kept.size > mostKept) kept.delete(kept.keys().next().value)
  return bars
}

function close() {
  for (const subscription of subscriptions) subscription.close()
  subscriptions = []
}

function subscribe(channel, options, update) {
  const subscription = market.feed.subscribe(symbol, { channel, background: "off", ...options })
  subscription.on("update", update)
  subscriptions.push(subscription)
  return subscription
}

/** A symbol that is not in the list has no row that lives: its day comes by a subscription of its own. */
function subscribeRow(row) {
  if (market.watched.includes(row)) return
  for (const channel of ["stats", "status"]) {
    const subscription = subscribe(channel, {}, message => {
      market.take(message)
      repaint(header)
    })
    if (channel === "stats") subscription.on("refused", market.refuse)
  }
}

function showBars(row) {
  const seconds = state.interval === "1s" ? 1 : 60
  const bars = barsOf(symbol, state.interval)
  chart.kind = state.chart
  chart.show(bars, { seconds, decimals: row.decimals })
  subscribe("bar", { interval: state.interval, rate: 4 }, message => {
    Chart.take(bars, message)
    chart.decimals = row.decimals
    repaint(chart)
  })
}

function showBook(row) {
  const depth = Number(state.depth)
  ladder.show({ decimals: row.decimals, depth })
  subscribe("book", { depth, crc: true, rate: 10 }, (message, book) => {
    ladder.decimals = row.decimals
    ladder.take(message, book)
  })
}

function showTrades(row) {
  tape.show({ decimals: row.decimals })
  const trades = subscribe("trade", { mode: "every", rate: 10 }, message => {
    tape.decimals = row.decimals
    if (message.snap) tape.show({ decimals: row.decimals })
    tape.take(message)
  })
  trades.on("gap", gap => tape.take({ ...gap, type: "gap" }))
}

/** Shows what the address says, or nothing. */
export function show() {
  close()
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

const choices = { chart: ["candles", "line"], interval: ["1s", "1m"] }

function press() {
  for (const button of root.querySelectorAll("button[data-set]")) {
    const [name, value] = button.dataset.set.split("=")
    button.setAttribute("aria-pressed", state[name] === value)
  }
  root.querySelector("select[name=depth]").value = state.depth
}

/** The other one of the chart's kinds or intervals. */
export const toggle = name => go({ [name]: choices[name].find(value => value !== state[name]) })

function read(bar) {
  const row = market.rowOf(symbol)
  const text = !bar ? "" : [
    format.clock(bar.start), `O ${format.price(bar.open, row.decimals)}`, `H ${format.price(bar.high, row.decimals)}`,
    `L ${format.price(bar.low, row.decimals)}`, `C ${format.price(bar.close, row.decimals)}`, `V ${format.volume(bar.volume)}`,
  ].join("  ")
  write(readout, text)
}

export function begin() {
  root = document.querySelector("#symbol")
  const day = root.querySelector("dl")
  for (const field of dayFields) {
    const value = make("dd")
    nodes[field] = textOf(value)
    day.append(make("div", {}, make("dt", {}, titles[field]), value))
  }
  for (const name of ["name", "last", "change", "percent", "state"]) nodes[name] = textOf(root.querySelector(`[data-field=${name}]`))
  readout = textOf(root.querySelector("#readout"))
  const host = root.querySelector("#chart")
  chart = new Chart(host, host.querySelector("canvas"), read)
  ladder = new Ladder(root.querySelector("#ladder"), root.querySelector("#crc"))
  tape = new Tape(root.querySelector("#tape"))
  root.addEventListener("click", event => {
    const [name, value] = event.target.closest("button[data-set]")?.dataset.set.split("=") ?? []
    if (name) go({ [name]: value })
  })
  root.querySelector("select[name=depth]").addEventListener("change", event => go({ depth: event.target.value }))
  root.querySelector("[data-close]").addEventListener("click", () => go({ b: "" }))
  market.on("row", row => row.symbol === symbol && repaint(header))
  market.on("connection", show)
  market.on("epoch", () => {
    kept.clear()
    if (symbol) show()
  })
  address.onChange(changed => {
    if (changed.has("chart") && changed.size === 1) {
      chart.kind = state.chart
      press()
      repaint(chart)
    } else if (["b", "view", "chart", "interval", "depth"].some(name => changed.has(name))) show()
  })
}

/** After the theme changed. */
export const recolour = () => repaint(chart)
