// What the connection is like, always in sight: its state, what it costs and what it left out; when it breaks
// until when it waits and why; and a form where the server wants a token.
import * as address from "./address.js"
import * as format from "./format.js"
import { everyBeat, make, repaint, textOf, write } from "./frame.js"
import * as market from "./market.js"

const { state } = address
const names = { websocket: "WebSocket", events: "events", poll: "polls" }
/** Before a first connection is told as broken it has this long, in milliseconds. */
const patience = 1500
const remembered = "tickerfeed.token"

let banner, bannerText, hint, retry, notice, form, word, server
const facts = {}
let status = { state: "connecting" }
let brokenSince = 0
let wasOpen = false
let messagesBefore = 0
let beforeAt = 0
let received = 0
let lag = null
let lost = 0
let token = ""

const words = { open: "live", connecting: "connecting", waiting: "broken", closed: "closed" }

const header = {
  paint() {
    write(word, words[status.state] ?? status.state)
    const clock = market.welcome?.clock
    const played = !clock ? "" : clock.mode === "replay" ? `replay ${clock.speed === "max" ? "max" : clock.speed + "x"}` : clock.mode
    const via = names[status.transport] ?? status.transport ?? ""
    write(server, [market.welcome?.server, played, via].filter(Boolean).join(" · "))
    const asked = lag?.rates?.asked
    write(facts.got, `${format.pace(received)}/s${asked == null ? "" : ` of ${typeof asked === "number" ? format.pace(asked) : asked}`}`)
    write(facts.merged, lag ? format.size(lag.merged) : format.none)
    write(facts.trip, lag?.rtt_ms == null ? format.none : format.span(lag.rtt_ms))
    write(facts.lag, format.span(lag?.lag_ms))
    facts.lag.parentNode.dataset.late = lag?.lag_ms > 0 ? "yes" : ""
    paintBanner()
  },
}

function because({ reason }) {
  if (!reason) return ""
  return reason.message ? `: ${reason.message}` : `: ${reason.code}`
}

function sentence() {
  const seconds = Math.max(0, Math.ceil((status.retryAt - Date.now()) / 1000))
  const since = wasOpen ? ` What is shown is as of ${format.age(performance.now() - brokenSince)} ago.` : ""
  if (status.state === "waiting") return `Disconnected${because(status)}. Next try in ${seconds} s.${since}`
  if (status.state === "closed") return `Closed${because(status)}.${since}`
  return `${wasOpen ? "Reconnecting" : "Connecting"} by ${names[status.transport] ?? "WebSocket"}${because(status)}…${since}`
}

function paintBanner() {
  const isYoung = status.state === "connecting" && !wasOpen && performance.now() < patience
  banner.hidden = status.state === "open" || isYoung
  if (banner.hidden) return
  write(bannerText, sentence())
  write(hint, status.reason?.hint ? ` ${status.reason.hint}` : "")
  retry.disabled = status.state === "connecting"
}

function say(text, forMilliseconds = 6000) {
  notice.textContent = text
  notice.hidden = !text
  clearTimeout(say.timer)
  if (text && forMilliseconds) say.timer = setTimeout(() => (notice.hidden = true), forMilliseconds)
}

/** A sentence for a while at the foot of the page; also told to screen readers. */
export const announce = text => say(text)

function take(next) {
  const before = status.state
  status = next
  document.body.dataset.state = next.state
  document.body.dataset.transport = next.transport ?? "websocket"
  if (next.state === "open") {
    if (wasOpen && before !== "open") {
      const nothing = lost ? `${format.size(lost)} versions lost` : "nothing lost"
      say(`Back after ${format.age(performance.now() - brokenSince)}, ${nothing}.`)
    }
    if (next.fallback) say(`By ${names[next.transport]}, because WebSocket does not get through${because(next)}.`, 0)
    wasOpen = true
    form.hidden = true
    lost = 0
  } else if (before === "open") brokenSince = performance.now()
  if (next.state === "closed" && next.reason?.code === "unauthenticated") ask(next.reason)
  repaint(header)
}

function ask({ message, hint: advice }) {
  form.hidden = false
  form.querySelector("p").textContent = `This server wants a token${message ? `: ${message}` : ""}.${advice ? ` ${advice}.` : ""}`
  form.elements.token.value = ""
  form.elements.token.focus()
}

/** A token is in memory, and with "remember" in the tab's own storage; never in the address. */
function submit(event) {
  event.preventDefault()
  token = form.elements.token.value.trim()
  if (!token) return
  try {
    if (form.elements.remember.checked) sessionStorage.setItem(remembered, token)
    else sessionStorage.removeItem(remembered)
  } catch {
    // No storage here: then it is in memory alone.
  }
  form.elements.token.value = ""
  form.hidden = true
  connect()
}

export function connect() {
  market.start({ token: token || undefined, transport: state.transport })
}

/** Does not wait for the countdown. */
export function tryNow() {
  if (status.state === "closed") connect()
  else if (status.state === "waiting") market.feed.use({ transport: state.transport })
}

function measure() {
  const now = performance.now()
  if (now - beforeAt < 950) return repaint(header)
  const { messages } = market.feed.counts
  if (beforeAt) received = Math.max(0, ((messages - messagesBefore) * 1000) / (now - beforeAt))
  messagesBefore = messages
  beforeAt = now
  repaint(header)
}

export function begin() {
  banner = document.querySelector("#banner")
  ;[bannerText, hint] = [...banner.querySelectorAll("span")].map(textOf)
  retry = banner.querySelector("button")
  retry.addEventListener("click", tryNow)
  notice = document.querySelector("#notice")
  form = document.querySelector("#token-form")
  form.addEventListener("submit", submit)
  word = textOf(document.querySelector("#state"))
  server = textOf(document.querySelector("#server"))
  const titles = {
    got: ["got", "messages a second that came, and the most that was asked for"],
    merged: ["merged", "versions left out because newer ones replaced them before they were due: no loss"],
    trip: ["trip", "the last ping's way there and back"],
    lag: ["lag", "how long the server has held something that this connection does not take"],
  }
  for (const [name, [label, title]] of Object.entries(titles)) {
    const value = make("b", {})
    facts[name] = textOf(value)
    document.querySelector("#facts").append(make("span", { title, "data-fact": name }, `${label} `, value))
  }
  try {
    token = sessionStorage.getItem(remembered) ?? ""
  } catch {
    token = ""
  }
  market.on("status", take)
  market.on("welcome", () => repaint(header))
  market.on("lag", facts => (lag = facts))
  market.on("gap", ({ from, to }) => (lost += Math.max(1, to - from + 1) || 1))
  market.on("epoch", () => say("Another life of the feed has begun: what was shown is emptied, and comes again."))
  address.onChange(changed => {
    if (changed.has("transport")) market.feed.use({ transport: state.transport })
  })
  everyBeat(measure)
  connect()
}
