// Numbers and times as text: exact where money is concerned, and short where it is not.

/** What stands where nothing is known. */
export const none = "–"
const thin = "\u2009"

/** Shortest exact decimals, never with an exponent. */
export function plain(value) {
	const text = String(value)
	if (!text.includes("e")) return text
	return Math.abs(value) < 1 ? value.toFixed(12).replace(/\.?0+$/, "") : value.toFixed(0)
}

/** How many digits a number has behind the point: of 0.0025 four. */
export function digits(value) {
	const text = plain(value)
	const point = text.indexOf(".")
	return point < 0 ? 0 : text.length - point - 1
}

/** A price with the symbol's decimals, or with its own where they are more: nothing is rounded. */
export function price(value, decimals) {
	if (value == null) return none
	const text = value.toFixed(decimals)
	return Number(text) === value ? text : plain(value)
}

/** The same with its sign, as changes have one. */
export const signed = (value, decimals) =>
	value == null ? none : (value > 0 ? "+" : "") + price(value, decimals)

/** "▲ +0.14%": direction by glyph and sign. */
export function percent(value) {
	if (value == null || !Number.isFinite(value)) return none
	const text = value.toFixed(2)
	const number = Number(text)
	return number > 0 ? `▲ +${text}%` : number < 0 ? `▼ ${text}%` : "0.00%"
}

/** Digits in threes, by thin spaces: 1 234 567.5 */
export function thousands(text) {
	const point = text.indexOf(".")
	let end = point < 0 ? text.length : point
	let rest = text.slice(end)
	const first = text.startsWith("-") ? 1 : 0
	while (end - first > 3) {
		rest = thin + text.slice(end - 3, end) + rest
		end -= 3
	}
	return text.slice(0, end) + rest
}

export const size = value =>
	value == null ? none : value < 1000 && Number.isInteger(value) ? String(value) : thousands(plain(value))

/** A sum of sizes, without what says nothing in it. */
export function volume(value) {
	if (value == null) return none
	if (value >= 1e9) return (value / 1e9).toFixed(2) + "B"
	if (value >= 1e8) return (value / 1e6).toFixed(1) + "M"
	return size(value >= 1000 ? Math.round(value) : Math.round(value * 1e4) / 1e4)
}

/** How long ago, from milliseconds: 12s, 3:05, 2h07, 4d. */
export function age(milliseconds) {
	const seconds = Math.max(0, Math.floor(milliseconds / 1000))
	const minutes = Math.floor(seconds / 60)
	if (seconds < 60) return `${seconds}s`
	if (seconds < 3600) return `${minutes}:${two(seconds % 60)}`
	return seconds < 86_400 ? `${Math.floor(minutes / 60)}h${two(minutes % 60)}` : `${Math.floor(minutes / 1440)}d`
}

const two = number => (number < 10 ? "0" : "") + number

/** Seconds of the day as 14:30:00, UTC. */
export const clock = seconds =>
	`${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`

/** The time of day of nanoseconds since 1970 as text: a double would round them. */
export function time(nanoseconds, places = 3) {
	if (!nanoseconds) return none
	const text = String(nanoseconds).padStart(10, "0")
	return clock(Number(text.slice(0, -9))) + (places ? "." + text.slice(-9, places - 9 || undefined) : "")
}

/** Its day, 2026-11-21. */
export const day = nanoseconds => new Date(Number(String(nanoseconds).slice(0, -6))).toISOString().slice(0, 10)

/** Something a second: 0.5, 12.3, 1 640. */
export const pace = value =>
	value == null ? none : value < 99.95 ? `${Math.round(value * 10) / 10}` : thousands(`${Math.round(value)}`)

/** Bytes as 812 B, 12.4 kB, 3.1 MB. */
export function bytes(count) {
	if (count == null) return none
	if (count < 1000) return `${Math.round(count)} B`
	return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`
}

/** Milliseconds as 4.2 ms, 1.2 s. */
export function span(milliseconds) {
	if (milliseconds == null) return none
	if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`
	return `${Math.round(milliseconds * 10) / 10} ms`
}
