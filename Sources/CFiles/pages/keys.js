// The keyboard. What a key does is a table, and the table is the help.
import { go, state } from "./address.js"
import * as connection from "./connection.js"
import { make } from "./frame.js"
import { rates } from "./lists.js"
import * as replay from "./replay.js"
import * as symbol from "./symbol.js"
import * as watchlist from "./watchlist.js"

const places = {
	watch: "#watch table", symbol: "h2", chart: "canvas", ladder: "#ladder", tape: ".prints", lab: "#lab-rate",
}
const find = selector => document.querySelector(selector)
let later = 0

/** While a symbol is shown it follows the cursor once that rests. */
function move(by, pages) {
	watchlist.move(by, pages)
	clearTimeout(later)
	if (state.b) later = setTimeout(() => go({ b: watchlist.current() }, { quiet: true }), 150)
}

function rate(by) {
	const number = value => (value === "max" ? Infinity : Number(value))
	const beyond = value => (number(value) - number(state.rate)) * by > 0
	const next = by > 0 ? rates.find(beyond) : rates.findLast(beyond)
	if (next) go({ rate: next }, { quiet: true })
}

function shift(by) {
	if (!watchlist.shift(by)) connection.announce("Your own order has neither sort nor filter: end them first.")
}

function group() {
	const names = ["", ...state.groups.keys()]
	go({ group: names[(names.indexOf(state.group) + 1) % names.length] })
}

/** Ends the innermost: symbol, lab, filter, group. */
function escape() {
	if (state.view !== "watch") go({ view: "watch" })
	else if (state.b) go({ b: "" })
	else if (state.q) filter("")
	else if (state.group) go({ group: "" })
	find("#watch table").focus({ preventScroll: true })
}

function filter(text) {
	find("#filter").value = text
	go({ q: text }, { quiet: true })
}

/** Shows a part of the page and puts the keyboard there. */
export function view(name) {
	const isNarrow = matchMedia("(max-width: 899px)").matches
	if (name === "lab") go({ view: name })
	else if (name === "watch") go({ view: name, b: isNarrow ? "" : state.b })
	else go({ view: "watch", b: state.b || watchlist.current() })
	find(places[name]).focus()
}

export const help = () => find("#help").showModal()

const keys = [
	["j k ↓ ↑", "down and up in the list; what is open follows", {
		j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
	}],
	["PgUp PgDn Home End", "a page, or to an end", {
		PageDown: () => move(0, 1), PageUp: () => move(0, -1), Home: () => move(-Infinity), End: () => move(Infinity),
	}],
	["J K, Shift ↓ ↑", "move the symbol in your own order", {
		J: () => shift(1), K: () => shift(-1), "Shift ArrowDown": () => shift(1), "Shift ArrowUp": () => shift(-1),
	}],
	["Enter", "open the symbol", { Enter: () => go({ b: watchlist.current(), view: "watch" }) }],
	["Esc", "close the lab, the symbol; end the filter, the group", { Escape: escape }],
	["/", "filter by name; Enter keeps it, Esc ends it", {
		"/": () => (view("watch"), find("#filter").select()),
	}],
	["s o", "sort by the next column; the other way round", { s: watchlist.sortNext, o: watchlist.reverse }],
	["g", "the next list", { g: group }],
	["1 2 3 4 5 6", "watchlist, symbol, chart, book, trades, lab", Object.fromEntries(
		Object.keys(places).map((name, index) => [index + 1, () => view(name)]))],
	["c i", "candles or line; 1 s or 1 min bars", { c: () => symbol.toggle("chart"), i: () => symbol.toggle("interval") }],
	["+ -", "more and fewer updates a second", { "+": () => rate(1), "-": () => rate(-1) }],
	["Space .", "a replay: pause or play, one step", { " ": replay.toggle, ".": replay.step }],
	["r", "reconnect now", { r: connection.tryNow }],
	["t", "dark, light, or as the system says", { t: () => find("#theme").click() }],
	["?", "this help", { "?": help }],
]
const actions = new Map(keys.flatMap(([, , table]) => Object.entries(table)))

/** Whether a key is for the element that has the keyboard, and not for the page. */
function isTaken(key, target) {
	if (key === "Escape") return false
	if (target.matches("input:not([type=range], [type=checkbox]), select")) return true
	if (target.matches("button, [type=checkbox]")) return key === "Enter" || key === " "
	// The lab and the panels of a symbol scroll by the keys that move in the list.
	return target.closest("#symbol, #lab, #replay") && /^(Arrow|Page|Home|End)/.test(key)
}

function press(event) {
	if (event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return
	const { target } = event
	if (target.id === "filter" && event.key === "Escape") filter("")
	if (target.id === "filter" && /Enter|Escape/.test(event.key)) return find("#watch table").focus()
	const action = actions.get(event.shiftKey && event.key.startsWith("Arrow") ? `Shift ${event.key}` : event.key)
	if (!action || isTaken(event.key, target)) return
	event.preventDefault()
	action()
}

export function begin() {
	const table = find("#help tbody")
	for (const [names, does] of keys) {
		const cell = make("th", { scope: "row" })
		names.split(" ").forEach((name, index) => cell.append(index ? " " : "", make("kbd", {}, name)))
		table.append(make("tr", {}, cell, make("td", {}, does)))
	}
	addEventListener("keydown", press)
}
