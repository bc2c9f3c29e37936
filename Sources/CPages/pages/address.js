// The page's state lives in the address, behind "#": to be linked, reloaded and gone back to.
//
// Only what differs from the default is written. A token never is.

const defaults = {
  w: "", b: "", view: "watch", sort: "", q: "", group: "", rate: "4", transport: "auto",
  chart: "candles", interval: "1s", depth: "10",
}
const allowed = {
  view: /^(watch|lab)$/, sort: /^[a-z_]+\.(asc|desc)$/, transport: /^(auto|websocket|events|poll)$/,
  chart: /^(candles|line)$/, interval: /^1[sm]$/, depth: /^([1-9]|[1-4]\d|50)$/,
  rate: /^(max|\d{1,4}(\.\d{1,3})?)$/,
}

/** What the address says, by name. `groups` has lists by name, each of symbols. */
export const state = { ...defaults, groups: new Map() }
const listeners = new Set()

/** Calls `listener(changed)` with the set of names that changed; returns what takes it off again. */
export function onChange(listener) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

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
  const say = (name, values) => parts.push(`${encodeURIComponent(name)}=${values.map(encodeURIComponent).join(",")}`)
  for (const name of Object.keys(defaults))
    if (state[name] !== defaults[name]) say(name, name === "w" ? list(state.w) : [state[name]])
  for (const [name, symbols] of state.groups) say(`g.${name}`, symbols)
  return parts.length ? `#${parts.join("&")}` : ""
}

const groupsAsText = groups => JSON.stringify([...groups])

function adopt(next) {
  const changed = new Set(Object.keys(defaults).filter(name => state[name] !== next[name]))
  if (groupsAsText(state.groups) !== groupsAsText(next.groups)) changed.add("groups")
  if (!changed.size) return false
  Object.assign(state, next)
  return changed
}

const tell = changed => changed && listeners.forEach(listener => listener(changed))

/** Goes to a state that differs in `change`; a step of the history unless `quiet`. */
export function go(change, { quiet = false } = {}) {
  const changed = adopt({ ...state, ...change })
  if (!changed) return
  const url = location.pathname + location.search + written()
  if (quiet) history.replaceState(null, "", url)
  else history.pushState(null, "", url)
  tell(changed)
}

// Back, forward, and an address typed by hand: the first two are told as popstate and hashchange, which is told once.
const follow = () => tell(adopt(parse(location.hash)))
addEventListener("popstate", follow)
addEventListener("hashchange", follow)
adopt(parse(location.hash))
