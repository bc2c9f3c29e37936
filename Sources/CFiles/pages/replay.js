// Where the server plays a recording: how far it is, and, if the server lets pages do so, the means to move it.
//
// Times have 19 digits, more than a double holds: they are taken from the text as BigInt and sent as digits.
import * as format from "./format.js"
import { textOf, write } from "./frame.js"
import * as market from "./market.js"

const locked = "tickerd --replay-control lets this page move the replay"
const speeds = ["0.5", "1", "2", "5", "10", "60", "600", "max"]
const steps = 10_000

let root, place, speed, error
const nodes = {}
let replay = null
let timer = 0
let isHeld = false

/** The answer with its times as BigInt. */
export function parse(text) {
	const found = JSON.parse(text)
	for (const name of ["time", "from", "to"]) {
		const digits = new RegExp(`"${name}"\\s*:\\s*(-?\\d+)`).exec(text)?.[1]
		found[name] = digits === undefined ? null : BigInt(digits)
	}
	return found
}

const address = () => new URL("v1/replay", import.meta.url)

async function poll() {
	clearTimeout(timer)
	if (market.welcome?.clock?.mode !== "replay") return hide()
	try {
		const answer = await fetch(address(), { headers: market.authorization(), cache: "no-store" })
		if (answer.status === 404) return hide()
		if (answer.ok) show(parse(await answer.text()))
	} catch {
		// Away: the banner says so, and what was known stays.
	}
	clearTimeout(timer)
	timer = setTimeout(poll, 1000)
}

function hide() {
	root.hidden = true
	replay = null
}

function show(next) {
	// A pipe, say, that this page could do nothing with.
	if (!next.control && !next.seekable) return hide()
	replay = next
	root.hidden = false
	const { state, time, from, to, position, control, seekable } = next
	write(nodes.state, state)
	write(nodes.time, time === null ? format.none : `${format.day(time)} ${format.time(time)} UTC`)
	write(nodes.position, position == null ? "" : `message ${format.size(position)}`)
	write(nodes.from, from === null ? "" : format.time(from, 0))
	write(nodes.to, to === null ? "" : format.time(to, 0))
	const hasRange = from !== null && to !== null && to > from
	place.hidden = !hasRange
	if (hasRange && !isHeld && time !== null) place.value = Number(((time - from) * BigInt(steps)) / (to - from))
	place.setAttribute("aria-valuetext", nodes.time.data)
	root.querySelectorAll("button, select, input").forEach(part => {
		part.disabled = !control || (part === place && !seekable)
		part.title = control ? part.dataset.title ?? "" : locked
	})
	root.querySelector("[data-action=pause]").hidden = state !== "playing"
	root.querySelector("[data-action=resume]").hidden = state === "playing"
	if (document.activeElement === speed) return
	speed.value = next.speed
	if (!speed.value) speed.add(new Option(`${next.speed}x`, next.speed, true, true))
}

/** `fields` is JSON text: a time among them keeps all of its digits. */
async function act(fields) {
	write(error, "")
	try {
		const headers = { "Content-Type": "application/json", ...market.authorization() }
		const answer = await fetch(address(), { method: "POST", headers, body: `{${fields}}` })
		if (!answer.ok) write(error, (await answer.text()).trim() || `refused with ${answer.status}`)
	} catch {
		write(error, "the server is not to be reached")
	}
	poll()
}

/** Plays on or halts. */
export function toggle() {
	if (replay?.control) act(`"action":"${replay.state === "playing" ? "pause" : "resume"}"`)
}

export function step() {
	if (replay?.control) act('"action":"step","count":1')
}

export function begin() {
	root = document.querySelector("#replay")
	place = root.querySelector("input")
	speed = root.querySelector("select")
	error = textOf(root.querySelector("[role=alert]"))
	for (const name of ["state", "time", "position", "from", "to"])
		nodes[name] = textOf(root.querySelector(`.${name}`))
	for (const value of speeds) speed.add(new Option(value === "max" ? "max" : `${value}x`, value))
	place.max = steps
	root.addEventListener("click", event => {
		const { action, to } = event.target.closest("button")?.dataset ?? {}
		if (action === "seek") act(`"action":"seek","to":"${to}"`)
		else if (action === "step") step()
		else if (action) act(`"action":"${action}"`)
	})
	place.addEventListener("input", () => (isHeld = true))
	place.addEventListener("change", () => {
		isHeld = false
		const { from, to } = replay
		act(`"action":"seek","to":${from + ((to - from) * BigInt(place.value)) / BigInt(steps)}`)
	})
	speed.addEventListener("change", () => {
		act(`"action":"speed","speed":${speed.value === "max" ? '"max"' : speed.value}`)
	})
	market.on("welcome", poll)
}
