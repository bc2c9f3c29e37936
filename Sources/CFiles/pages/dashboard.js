// The dashboard: puts the parts together. Each part is a file with one reason; none keeps another's state.
//
//   address.js  what is shown, in the address        market.js   what is known, from tickerfeed.js
//   frame.js    the one loop that paints             format.js   numbers and times as text
//   watchlist.js  symbol.js (chart.js, ladder.js, tape.js)  lab.js  replay.js  connection.js  keys.js
//
// For tests and scripts these stay as they are:
//   body[data-state=open|connecting|waiting|closed][data-transport=websocket|events|poll]
//   #watch tr[data-symbol] [data-cell=symbol|last|change|percent|bid|bid_size|ask|ask_size|spread|volume|age|state],
//     of the lines that are scrolled to; #filter, #count, th.last button
//   #banner (hidden while connected, else with the seconds until the next try), #notice, #token-form, #help, #replay
//   #symbol, #chart canvas, #readout, #ladder, #crc[data-ok=yes|no], #tape; button[data-view]; window.tickerfeed.feed
//   #lab [data-figure=source|received|merged|lag|buffered|bytes|rtt], [name=transport|rate|kbps], pre
import { onChange, state } from "./address.js"
import * as connection from "./connection.js"
import { readPalette } from "./frame.js"
import * as keys from "./keys.js"
import * as lab from "./lab.js"
import * as lists from "./lists.js"
import * as market from "./market.js"
import * as replay from "./replay.js"
import * as symbol from "./symbol.js"
import * as watchlist from "./watchlist.js"

const themes = ["system", "dark", "light"]
const remembered = "tickerfeed.theme"

function storage(value) {
	try {
		if (value === undefined) return localStorage.getItem(remembered)
		localStorage.setItem(remembered, value)
	} catch {
		// No storage in this browser: the theme holds until the page is left.
	}
}

function dress(theme) {
	document.documentElement.dataset.theme = theme
	const button = document.querySelector("#theme")
	button.textContent = { system: "◐", dark: "●", light: "○" }[theme]
	button.title = `theme: ${theme} (t)`
	readPalette()
	symbol.recolour()
	lab.recolour()
}

function beginThemes() {
	let theme = storage() ?? "system"
	dress(theme)
	document.querySelector("#theme").addEventListener("click", () => {
		theme = themes[(themes.indexOf(theme) + 1) % themes.length]
		storage(theme)
		dress(theme)
	})
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dress(theme))
}

function showView() {
	document.body.dataset.view = state.view
	document.querySelector("#list").hidden = state.view !== "watch"
	const current = state.view === "lab" ? "lab" : state.b ? "symbol" : "watch"
	for (const button of document.querySelectorAll("nav button"))
		button.setAttribute("aria-current", button.dataset.view === current ? "page" : "false")
	const title = state.view === "lab" ? "Stream lab" : state.b
	document.title = title ? `${title} · TickerFeed` : "TickerFeed"
}

const applyRate = () => market.setRate(state.rate === "max" ? "max" : Number(state.rate))

readPalette()
for (const part of [watchlist, symbol, lab, lists, replay, keys]) part.begin()
beginThemes()
showView()
applyRate()
lists.follow()
onChange(changed => {
	if (changed.has("rate")) applyRate()
	if (changed.has("w") || changed.has("groups")) lists.follow()
	if (changed.has("view") || changed.has("b")) showView()
})
document.addEventListener("click", event => {
	const button = event.target.closest("button[data-view]")
	if (button) keys.view(button.dataset.view)
})
document.querySelector("#help-button").addEventListener("click", keys.help)
connection.begin()
symbol.show()
