// What the connection is like, always in sight: its state, what it costs and what it left out; when it breaks
// until when it waits and why; and a form where the server wants a token.
import { onChange, state } from "./address.js"
import * as format from "./format.js"
import { everyBeat, make, repaint, textOf, write } from "./frame.js"
import * as market from "./market.js"

const names = { undefined: "WebSocket", websocket: "WebSocket", events: "events", poll: "polls" }
/** Before a first connection is told as broken it has this long, in milliseconds. */
const patience = 1500
const remembered = "tickerfeed.token"

let banner, sentence, retry, notice, form, word, server
const facts = {}
let status = { state: "connecting" }
let brokenSince = 0
let wasOpen = false
let lag = null
let lost = 0
let hiding = 0
let token = ""

const words = { open: "live", connecting: "connecting", waiting: "broken", closed: "closed" }

const header = {
	paint() {
		write(word, words[status.state])
		const clock = market.welcome?.clock
		const { mode, speed } = clock ?? {}
		const played = mode === "replay" ? `replay ${speed}${speed === "max" ? "" : "x"}` : mode
		const via = names[status.transport] + (status.fallback ? " (fallback)" : "")
		write(server, [market.welcome?.server, played, via].filter(Boolean).join(" · "))
		const { sent, asked } = lag?.rates ?? {}
		write(facts.got, `${format.pace(sent)}/s of ${asked > 0 ? format.pace(asked) : asked ?? "max"}`)
		write(facts.merged, format.size(lag?.merged))
		write(facts.trip, format.span(lag?.rtt_ms))
		write(facts.lag, format.span(lag?.lag_ms))
		facts.lag.parentNode.dataset.late = lag?.lag_ms > 0 ? "yes" : ""
		paintBanner()
	},
}

const because = ({ reason }) => (reason ? `: ${reason.message || reason.code}` : "")

function why() {
	const seconds = Math.max(0, Math.ceil((status.retryAt - Date.now()) / 1000))
	const since = wasOpen ? ` What is shown is as of ${format.age(performance.now() - brokenSince)} ago.` : ""
	const hint = status.reason?.hint ? ` ${status.reason.hint}.` : ""
	if (status.state === "waiting") return `Disconnected${because(status)}. Next try in ${seconds} s.${since}${hint}`
	if (status.state === "closed") return `Closed${because(status)}.${since}${hint}`
	return `${wasOpen ? "Reconnecting" : "Connecting"} by ${names[status.transport]}${because(status)}…${since}`
}

function paintBanner() {
	const isYoung = status.state === "connecting" && !wasOpen && performance.now() < patience
	banner.hidden = status.state === "open" || isYoung
	if (banner.hidden) return
	write(sentence, why())
	retry.disabled = status.state === "connecting"
}

/** A sentence for a while at the foot of the page; also told to screen readers. */
export function announce(text, milliseconds = 6000) {
	notice.textContent = text
	notice.hidden = false
	clearTimeout(hiding)
	hiding = setTimeout(() => (notice.hidden = true), milliseconds)
}

function take(next) {
	const before = status.state
	status = next
	document.body.dataset.state = next.state
	document.body.dataset.transport = next.transport ?? "websocket"
	if (next.state === "open") {
		if (wasOpen && before !== "open") {
			const nothing = lost ? `${format.size(lost)} versions lost` : "nothing lost"
			announce(`Back after ${format.age(performance.now() - brokenSince)}, ${nothing}.`)
		}
		server.parentNode.title = next.fallback ? `WebSocket does not get through${because(next)}` : ""
		if (next.fallback) announce(`By ${names[next.transport]}: ${server.parentNode.title}.`, 15_000)
		wasOpen = true
		form.hidden = true
		lost = 0
	} else if (before === "open") brokenSince = performance.now()
	if (next.state === "closed" && /unauthenticated|token_expired/.test(next.reason?.code)) ask(next.reason)
	repaint(header)
}

function ask({ message, hint: advice }) {
	form.hidden = false
	const words = ["This server wants a token", message, advice].filter(Boolean)
	form.querySelector("p").textContent = `${words.join(": ")}.`
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
	market.start(token || undefined, state.transport)
}

/** Does not wait for the countdown. */
export function tryNow() {
	if (status.state === "closed") connect()
	else if (status.state === "waiting") market.feed.use({ transport: state.transport })
}

export function begin() {
	banner = document.querySelector("#banner")
	sentence = textOf(banner.querySelector("p"))
	retry = banner.querySelector("button")
	retry.addEventListener("click", tryNow)
	notice = document.querySelector("#notice")
	form = document.querySelector("#token-form")
	form.addEventListener("submit", submit)
	word = textOf(document.querySelector("#state"))
	server = textOf(document.querySelector("#server"))
	const titles = {
		got: "messages a second that were sent, and the most that was asked for",
		merged: "versions left out because newer ones replaced them before they were due: no loss",
		trip: "the last ping's way there and back",
		lag: "how long the server has held something that this connection does not take",
	}
	for (const [name, title] of Object.entries(titles)) {
		const value = make("b")
		facts[name] = textOf(value)
		document.querySelector("#facts").append(make("span", { title, "data-fact": name }, `${name} `, value))
	}
	try {
		token = sessionStorage.getItem(remembered)
	} catch {
		// Nothing is remembered here.
	}
	market.on("status", take)
	market.on("welcome", () => repaint(header))
	market.on("lag", facts => (lag = facts))
	market.on("gap", ({ from, to }) => (lost += Math.max(1, to - from + 1) || 1))
	market.on("epoch", () => announce("A new life of the feed: what was shown is emptied, and comes again."))
	onChange(changed => {
		if (changed.has("transport")) market.feed.use({ transport: state.transport })
	})
	everyBeat(() => repaint(header))
	connect()
}
