// The stream lab: a connection of its own, to see what a rate, a slow reader or another transport does.
//
// The source's rate is known without asking for everything: `seq` counts versions, sent or not.
import { connect } from "./tickerfeed.js"
import * as address from "./address.js"
import * as format from "./format.js"
import { everyBeat, fit, make, palette, repaint, textOf, write } from "./frame.js"
import * as market from "./market.js"

const { state } = address
/** Slider places to rates: evenly by factor from 0.1 to 1000, behind it "max". */
const last = 81
const rateAt = place => (place >= last ? "max" : Number((0.1 * 10 ** (place / 20)).toPrecision(2)))
const placeOf = rate => (rate === "max" ? last : Math.round(Math.log10(rate / 0.1) * 20))
const bandwidths = [null, 10_000, 2000, 500, 200, 100, 50, 20, 8]
const seconds = 90
const figures = {
  source: ["source", "versions a second that the feed made of what is subscribed"],
  received: ["received", "data messages a second that came here"],
  merged: ["merged", "versions a second that newer ones replaced on the way"],
  lag: ["lag", "how long the server has held what this connection does not take"],
  buffered: ["buffered", "bytes that wait in the server for this connection"],
  bytes: ["bytes", "bytes a second that came here"],
  rtt: ["round trip", "the last ping's way there and back"],
}

let root, form, pre, note, canvases
const nodes = {}
let feed = null
let subscription = null
let facts = null
let newest = null
let source = 0
let before = null
const seen = new Map()
const history = { source: [], received: [], lag: [], bytes: [] }

function count(message) {
  const { type, sym, seq, prev, snap } = message
  if (type !== "quote" && type !== "book" && type !== "trade") return
  const known = seen.get(sym)
  if (known !== undefined && seq > known) source += seq - known
  else if (prev && !snap) source += seq - prev
  seen.set(sym, seq)
}

function asked() {
  const { channel, rate, symbols } = form.elements
  const names = symbols.value === "one" && state.b ? [state.b] : market.watched.map(row => row.symbol)
  const options = { channel: channel.value, rate: rateAt(Number(rate.value)), background: "full" }
  if (options.channel === "trade") options.mode = "latest"
  if (options.channel === "book") options.crc = true
  return [names, options]
}

function subscribe() {
  subscription?.close()
  seen.clear()
  subscription = null
  const [names, options] = asked()
  if (names.length) subscription = feed.subscribe(names, options)
}

function open() {
  const { transport, encoding } = form.elements
  for (const line of Object.values(history)) line.length = 0
  facts = newest = before = null
  source = 0
  feed = connect({ token: market.token(), transport: transport.value, encoding: encoding.value, hiddenRate: null })
  feed.on("lag", next => (facts = next))
  feed.on("epoch", () => seen.clear())
  feed.on("message", message => {
    newest = message
    count(message)
  })
  feed.on("status", tellStatus)
  tellStatus(feed.status)
  subscribe()
  slow()
}

function close() {
  feed?.close()
  feed = subscription = null
}

function tellStatus({ state: word, transport, encoding, reason }) {
  root.dataset.state = word
  const text = word === "open" ? `open by ${transport}, ${encoding}` : reason ? `${word}: ${reason.message ?? reason.code}` : word
  write(nodes.status, text)
  const takesLimit = transport === "websocket"
  form.elements.kbps.disabled = !takesLimit
  note.hidden = takesLimit
}

function slow() {
  const limit = bandwidths[Number(form.elements.kbps.value)]
  write(nodes.kbps, limit === null ? "unlimited" : limit >= 1000 ? `${limit / 1000} Mbit/s` : `${limit} kbit/s`)
  form.elements.kbps.setAttribute("aria-valuetext", nodes.kbps.data)
  if (feed) feed.set({ max_kbps: limit })
}

function showRate() {
  const rate = rateAt(Number(form.elements.rate.value))
  write(nodes.rate, rate === "max" ? "max" : `${rate}/s`)
  form.elements.rate.setAttribute("aria-valuetext", nodes.rate.data)
  return rate
}

/** Once a second: what is new since the second before. */
function measure() {
  if (!feed) return
  const now = performance.now()
  if (before && now - before.now < 900) return
  const { messages, bytes } = feed.counts
  const merged = facts?.merged ?? null
  if (before) {
    const past = (now - before.now) / 1000
    const rate = (value, earlier) => Math.max(0, (value - earlier) / past)
    show({
      source: rate(source, before.source), received: rate(messages, before.messages), bytes: rate(bytes, before.bytes),
      merged: merged === null ? null : rate(merged, before.merged ?? merged),
    })
  }
  before = { now, messages, bytes, merged, source }
}

function show({ source: made, received, bytes, merged }) {
  write(nodes.source, `${format.pace(made)}/s`)
  write(nodes.received, `${format.pace(received)}/s`)
  write(nodes.merged, merged === null ? format.none : `${format.pace(merged)}/s`)
  write(nodes.lag, format.span(facts?.lag_ms))
  write(nodes.buffered, format.bytes(facts?.buffered))
  write(nodes.bytes, `${format.bytes(bytes)}/s`)
  write(nodes.rtt, facts?.rtt_ms == null ? format.none : format.span(facts.rtt_ms))
  const values = { source: made, received, lag: facts?.lag_ms ?? 0, bytes }
  for (const [name, line] of Object.entries(history)) {
    line.push(values[name])
    if (line.length > seconds) line.shift()
  }
  if (newest) write(nodes.json, JSON.stringify(newest, null, 2))
  repaint(graphs)
}

const graphs = {
  sizes: new Map(),
  paint() {
    draw(canvases[0], [["source", palette.soft], ["received", palette.accent]], value => `${format.pace(value)}/s`)
    draw(canvases[1], [["lag", palette.warn]], format.span)
    draw(canvases[2], [["bytes", palette.accent]], value => `${format.bytes(value)}/s`)
  },
}

function draw(canvas, lines, text) {
  const [width, height] = graphs.sizes.get(canvas) ?? [0, 0]
  if (width < 20) return
  const context = fit(canvas, width, height)
  const top = Math.max(1e-9, ...lines.flatMap(([name]) => history[name]))
  const floor = height - 4
  context.font = `11px ${palette.font}`
  context.strokeStyle = palette.line
  context.beginPath()
  context.moveTo(0, floor + 0.5)
  context.lineTo(width, floor + 0.5)
  context.moveTo(0, 18.5)
  context.lineTo(width, 18.5)
  context.stroke()
  context.fillStyle = palette.soft
  context.textAlign = "right"
  context.fillText(text(top > 1e-9 ? top : 0), width - 2, 12)
  for (const [name, colour] of lines) {
    const line = history[name]
    context.beginPath()
    line.forEach((value, index) =>
      context.lineTo(width - (line.length - 1 - index) * (width / (seconds - 1)), floor - (value / top) * (floor - 19)))
    context.strokeStyle = colour
    context.lineWidth = 1.5
    context.stroke()
  }
}

/** Opens or closes the lab, as the address says. */
function follow() {
  const isOpen = state.view === "lab"
  root.hidden = !isOpen
  if (isOpen && !feed) open()
  else if (!isOpen && feed) close()
}

function input(event) {
  const { name } = event.target
  if (name === "rate") {
    const rate = showRate()
    subscription?.set({ rate })
  } else if (name === "kbps") slow()
  else if (name === "transport" || name === "encoding") {
    feed?.use({ transport: form.elements.transport.value, encoding: form.elements.encoding.value })
  } else subscribe()
}

export function begin() {
  root = document.querySelector("#lab")
  form = root.querySelector("form")
  pre = root.querySelector("pre")
  note = root.querySelector("#kbps-note")
  canvases = [...root.querySelectorAll("canvas")]
  form.elements.rate.max = last
  form.elements.rate.value = placeOf(10)
  form.elements.kbps.max = bandwidths.length - 1
  form.addEventListener("submit", event => event.preventDefault())
  form.addEventListener("input", input)
  nodes.json = textOf(pre)
  nodes.status = textOf(root.querySelector("#lab-state"))
  nodes.rate = textOf(root.querySelector("output[for=lab-rate]"))
  nodes.kbps = textOf(root.querySelector("output[for=lab-kbps]"))
  for (const [name, [label, title]] of Object.entries(figures)) {
    const value = make("dd", { "data-figure": name }, format.none)
    nodes[name] = textOf(value)
    root.querySelector("dl").append(make("div", { title }, make("dt", {}, label), value))
  }
  const observer = new ResizeObserver(entries => {
    for (const { target, contentRect } of entries)
      graphs.sizes.set(target.querySelector("canvas"), [contentRect.width, contentRect.height])
    repaint(graphs)
  })
  canvases.forEach(canvas => observer.observe(canvas.parentElement))
  showRate()
  slow()
  everyBeat(measure)
  market.on("list", () => feed && subscribe())
  address.onChange(changed => changed.has("view") && follow())
  follow()
}

/** After the theme changed. */
export const recolour = () => repaint(graphs)
