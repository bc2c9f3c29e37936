// What is above the list: filter, lists of one's own, rate and transport; and the form to edit a list.
import { go, list, onChange, state } from "./address.js"
import { make } from "./frame.js"
import * as market from "./market.js"
import { sortable } from "./watchlist.js"

export const rates = ["0.1", "0.5", "1", "2", "4", "10", "20", "50", "max"]
let groups, dialog, form, rate, transport, sort, filter

function paintGroups() {
	const entries = [["", "All"], ...[...state.groups.keys()].map(name => [name, name])]
	groups.replaceChildren(...entries.map(([name, title]) =>
		make("button", { "aria-pressed": state.group === name, "data-group": name }, title)),
		make("button", { id: "edit", title: "choose symbols, make lists" }, "Edit…"))
}

export const follow = () => market.watch(list(state.w), [...state.groups.values()].flat())

function paint() {
	paintGroups()
	rate.value = state.rate
	if (!rate.value) rate.add(new Option(`${state.rate}/s`, state.rate, true, true))
	transport.value = state.transport
	sort.value = state.sort
	if (document.activeElement !== filter) filter.value = state.q
}

function openEditor() {
	const group = state.groups.get(state.group)
	form.elements.name.value = group ? state.group : ""
	form.elements.symbols.value = (group ?? list(state.w)).join(" ")
	form.querySelector("[value=remove]").hidden = !group
	dialog.showModal()
}

function save(event) {
	event.preventDefault()
	dialog.close()
	const action = event.submitter?.value
	if (action === "cancel") return
	const name = form.elements.name.value.trim()
	const symbols = [...new Set(list(form.elements.symbols.value))]
	const next = new Map(state.groups)
	if (action === "remove") {
		next.delete(state.group)
		go({ groups: next, group: "" })
	} else if (!name) go({ w: symbols.join(","), group: "" })
	else {
		if (state.group && state.group !== name) next.delete(state.group)
		go({ groups: next.set(name, symbols), group: name })
	}
}

export function begin() {
	groups = document.querySelector("#groups")
	dialog = document.querySelector("#lists")
	form = dialog.querySelector("form")
	rate = document.querySelector("#rate")
	transport = document.querySelector("#transport")
	sort = document.querySelector("#sort")
	filter = document.querySelector("#filter")
	for (const value of rates) rate.add(new Option(value === "max" ? value : `${value}/s`, value))
	sort.add(new Option("own order", ""))
	for (const { name, title } of sortable)
		for (const way of ["asc", "desc"])
			sort.add(new Option(`${title} ${way === "asc" ? "↑" : "↓"}`, `${name}.${way}`))
	groups.addEventListener("click", event => {
		const button = event.target.closest("button")
		if (button?.id === "edit") openEditor()
		else if (button) go({ group: button.dataset.group })
	})
	form.addEventListener("submit", save)
	filter.addEventListener("input", () => go({ q: filter.value.trim() }, { quiet: true }))
	rate.addEventListener("change", () => go({ rate: rate.value }, { quiet: true }))
	transport.addEventListener("change", () => go({ transport: transport.value }))
	sort.addEventListener("change", () => go({ sort: sort.value }))
	onChange(paint)
	paint()
}
