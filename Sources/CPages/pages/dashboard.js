// The dashboard: puts the parts together. Each part is a file with one reason; none keeps another's state.
//
//   address.js  what is shown, in the address        market.js   what is known, from tickerfeed.js
//   frame.js    the one loop that paints             format.js   numbers and times as text
//   watchlist.js  symbol.js (chart.js, ladder.js, tape.js)  lab.js  replay.js  connection.js  keys.js
//
// For tests and scripts these stay as they are:
//   body[data-state=open|connecting|waiting|closed][data-transport=websocket|events|poll]
//   #watch tr[data-symbol] with [data-cell=symbol|last|change|percent|bid|bid_size|ask|ask_size|spread|volume|age|state]
//     (lines that are scrolled to exist, others do not); #filter, #count; th.last button
//   #banner (hidden while connected; its text has the seconds until the next try), #notice, #token-form, #help
//   #symbol, #chart canvas, #readout, #ladder, #crc[data-ok=yes|no], #tape
//   #lab, #lab [data-figure=source|received|merged|lag|buffered|bytes|rtt], #lab select[name=transport],
//     #lab input[name=rate], #lab [name=kbps], #lab pre; #replay; button[data-view]; window.tickerfeed.feed
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
  const { dataset } = document.documentElement
  if (theme === "system") delete dataset.theme
  else dataset.theme = theme
  const button = document.querySelector("#theme")
  button.textContent = { system: "◐", dark: "●", light: "○" }[theme]
  button.title = `theme: ${theme} (t)`
  button.setAttribute("aria-label", `theme: ${theme}`)
  readPalette()
  for (const part of [symbol, lab]) part.recolour()
}

function beginThemes() {
  let theme = themes.includes(storage()) ? storage() : "system"
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
  for (const button of document.querySelectorAll("nav [data-view]")) {
    const isCurrent = button.dataset.view === (state.view === "lab" ? "lab" : state.b ? "symbol" : "watch")
    if (isCurrent) button.setAttribute("aria-current", "page")
    else button.removeAttribute("aria-current")
  }
  document.title = state.b ? `${state.b} · TickerFeed` : state.view === "lab" ? "Stream lab · TickerFeed" : "TickerFeed"
}

const applyRate = () => market.setRate(state.rate === "max" ? "max" : Number(state.rate))

readPalette()
watchlist.begin()
symbol.begin()
lab.begin()
lists.begin()
replay.begin()
keys.begin()
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
document.querySelector("#help-button").addEventListener("click", () => document.querySelector("#help").showModal())
connection.begin()
symbol.show()
