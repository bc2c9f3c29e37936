// The page's state lives in the address, behind "#": to be linked, reloaded and gone back to.
// Only what differs from the default is written; a token never is.

const defaults = {
	w: "", b: "", view: "watch", sort: "", q: "", group: "", rate: "4", transport: "auto",
	chart: "candles", interval: "1s", depth: "10",
}
const allowed = {
	view: /^(watch|lab)$/, sort: /^[a-z_]+\.(asc|desc)$/, transport: /^(auto|websocket|events|poll)$/,
	chart: /^(candles|line)$/, interval: /^1[sm]$/, depth: /^([1-9]|[1-4]\d|50)$/,
	rate: /^(max|\d{1,4}(\.\d{1,3})?)$/,
}

/** What the address says; `groups` are lists of symbols by name. */
export const state = { ...defaults, groups: new Map() }
const listeners = []

/** Calls `listener(changed)` with the set of names that changed. */
export const onChange = listener => listeners.push(listener)

export const list = text => text.split(/[\s,]+/).filter(Boolean)

function decoded(text) {
	try {
		return decodeURIComponent(text)
	} catch {
		return text
	}
}

function parse(hash) {
	const found = { ...defaults, groups: new Map() }
	for (const part of hash.replace(/^#/, "").split("&")) {
		const equals = part.indexOf("=")
		if (equals < 1) continue
		const name = decoded(part.slice(0, equals))
		const value = decoded(part.slice(equals + 1))
		if (name.startsWith("g.")) found.groups.set(name.slice(2), list(value))
		else if (Object.hasOwn(defaults, name) && (!allowed[name] || allowed[name].test(value))) found[name] = value
	}
	if (found.rate !== "max") found.rate = String(Math.min(1000, Math.max(0.1, Number(found.rate))))
	return found
}

function written() {
	const parts = []
	const encode = encodeURIComponent
	const say = (name, values) => parts.push(`${encode(name)}=${values.map(encode).join(",")}`)
	for (const name of Object.keys(defaults))
		if (state[name] !== defaults[name]) say(name, name === "w" ? list(state.w) : [state[name]])
	for (const [name, symbols] of state.groups) say(`g.${name}`, symbols)
	return parts.length ? `#${parts.join("&")}` : ""
}

const asText = value => (value instanceof Map ? JSON.stringify([...value]) : value)

function adopt(next) {
	const changed = new Set(Object.keys(state).filter(name => asText(state[name]) !== asText(next[name])))
	Object.assign(state, next)
	return changed
}

const tell = changed => changed.size && listeners.forEach(listener => listener(changed))

/** Goes to a state that differs in `change`; a step of the history unless `quiet`. */
export function go(change, { quiet = false } = {}) {
	const changed = adopt({ ...state, ...change })
	if (!changed.size) return
	const url = location.pathname + location.search + written()
	if (quiet) history.replaceState(null, "", url)
	else history.pushState(null, "", url)
	tell(changed)
}

// Back, forward, or typed by hand; what is told twice has changed nothing the second time.
const follow = () => tell(adopt(parse(location.hash)))
addEventListener("popstate", follow)
addEventListener("hashchange", follow)
adopt(parse(location.hash))
