// The keyboard. What a key does is a table, and the table is the help.
import * as address from "./address.js"
import * as connection from "./connection.js"
import { make } from "./frame.js"
import * as replay from "./replay.js"
import * as symbol from "./symbol.js"
import * as watchlist from "./watchlist.js"

const { state, go } = address
const rates = ["0.1", "0.5", "1", "2", "4", "10", "20", "50", "max"]
let later = 0

/** While a symbol is shown it follows the cursor once that rests. */
function move(by) {
  watchlist.move(by)
  clearTimeout(later)
  if (state.b) later = setTimeout(() => go({ b: watchlist.current() }, { quiet: true }), 150)
}

function rate(by) {
  const at = rates.findIndex(value => value === "max" || state.rate === value || Number(value) > Number(state.rate))
  const isThere = rates[at] === state.rate
  const next = rates[by > 0 && !isThere ? at : at + by]
  if (next) go({ rate: next }, { quiet: true })
}

function shift(by) {
  if (!watchlist.shift(by)) connection.announce("Your own order is shown without a sort and a filter: o and Escape end them.")
}

function group() {
  const names = ["", ...state.groups.keys()]
  go({ group: names[(names.indexOf(state.group) + 1) % names.length] })
}

/** Ends the innermost: symbol, lab, filter, group. */
function escape() {
  if (state.b) go({ b: "" })
  else if (state.view !== "watch") go({ view: "watch" })
  else if (state.q) filter("")
  else if (state.group) go({ group: "" })
  document.querySelector("#watch table").focus({ preventScroll: true })
}

function filter(text) {
  document.querySelector("#filter").value = text
  go({ q: text }, { quiet: true })
}

/** Shows a part of the page and puts the keyboard there. */
export function view(name) {
  if (name === "lab") go({ view: "lab" })
  else if (name === "watch") go({ view: "watch", ...(matchMedia("(max-width: 899px)").matches ? { b: "" } : {}) })
  else go({ view: "watch", b: state.b || watchlist.current() })
  const target = { watch: "#watch table", lab: "#lab-rate", symbol: "#symbol h2", chart: "#chart canvas", ladder: "#ladder",
    tape: "#tape [tabindex]" }[name]
  document.querySelector(target)?.focus()
}

const keys = [
  ["j k ↓ ↑", "down and up in the list; what is open follows", { j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1) }],
  ["PgUp PgDn Home End", "a page, or to an end", { PageDown: () => move(0.5), PageUp: () => move(-0.5), Home: () => move(-Infinity), End: () => move(Infinity) }],
  ["J K, Shift ↓ ↑", "move the symbol in your own order", { J: () => shift(1), K: () => shift(-1), "Shift ArrowDown": () => shift(1), "Shift ArrowUp": () => shift(-1) }],
  ["Enter", "open the symbol", { Enter: () => go({ b: watchlist.current(), view: "watch" }) }],
  ["Esc", "close the symbol; then the lab, the filter, the group", { Escape: escape }],
  ["/", "filter by name; Enter keeps it, Esc ends it", { "/": () => (view("watch"), document.querySelector("#filter").select()) }],
  ["s o", "sort by the next column; the other way round", { s: watchlist.sortNext, o: watchlist.reverse }],
  ["g", "the next list", { g: group }],
  ["1 2 3 4 5 6", "watchlist, symbol, chart, book, trades, lab", { 1: () => view("watch"), 2: () => view("symbol"), 3: () => view("chart"),
    4: () => view("ladder"), 5: () => view("tape"), 6: () => view("lab") }],
  ["c i", "candles or line; 1 s or 1 min bars", { c: () => symbol.toggle("chart"), i: () => symbol.toggle("interval") }],
  ["+ -", "more and fewer updates a second", { "+": () => rate(1), "-": () => rate(-1) }],
  ["Space .", "a replay: pause or play, one step", { " ": replay.toggle, ".": replay.step }],
  ["r", "reconnect now", { r: connection.tryNow }],
  ["t", "dark, light, or as the system says", { t: () => document.querySelector("#theme").click() }],
  ["?", "this help", { "?": () => document.querySelector("#help").showModal() }],
]
const actions = new Map(keys.flatMap(([, , table]) => Object.entries(table)))

/** Whether a key is for the element that has the keyboard, and not for the page. */
function isTaken(event, target) {
  if (event.key === "Escape") return false
  if (target.matches("input:not([type=range]):not([type=checkbox]), select, textarea, [contenteditable]")) return true
  if (target.matches("button, a, summary") && (event.key === "Enter" || event.key === " ")) return true
  if (target.matches("input[type=range]")) return /^(Arrow|Page|Home|End)/.test(event.key)
  return target.matches("[type=checkbox]") && event.key === " "
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return
  const { target } = event
  if (event.key === "Escape" && target.matches("#filter") && state.q) {
    event.preventDefault()
    filter("")
    return
  }
  if (event.key === "Enter" && target.matches("#filter")) return document.querySelector("#watch table").focus()
  if (isTaken(event, target)) return
  const isArrow = event.key.startsWith("Arrow")
  const action = actions.get(event.shiftKey && isArrow ? `Shift ${event.key}` : event.key)
  // The lab and the panels of a symbol scroll by the keys that move in the list.
  const isList = !target.closest("#symbol, #lab, #replay") || !/^(Arrow|Page|Home|End)/.test(event.key)
  if (!action || !isList) return
  event.preventDefault()
  action()
}

export function begin() {
  const table = document.querySelector("#help tbody")
  for (const [names, does] of keys) {
    const cell = make("th", { scope: "row" })
    names.split(" ").forEach((name, index) => cell.append(index ? " " : "", make("kbd", {}, name)))
    table.append(make("tr", {}, cell, make("td", {}, does)))
  }
  addEventListener("keydown", press)
}
