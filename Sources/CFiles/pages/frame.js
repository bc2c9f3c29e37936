// One loop of animation frames for the whole page. It sleeps while there is nothing to paint.
//
// Invariants
//   - Who has something to paint says so once, however often it changed: the newest is painted.
//   - A painter does a bounded piece of work, and returns true where more is left for the next frame.
//   - While the page is hidden there are no frames, so nothing is painted and nothing piles up.

let due = []
let painting = []

/** Has `painter.paint(now)` called in the next frame. */
export function repaint(painter) {
	if (painter.isDue) return
	painter.isDue = true
	if (due.push(painter) === 1) requestAnimationFrame(frame)
}

function frame(now) {
	;[due, painting] = [painting, due]
	for (const painter of painting) {
		painter.isDue = false
		try {
			if (painter.paint(now)) repaint(painter)
		} catch (error) {
			console.error(error)
		}
	}
	painting.length = 0
}

const beats = []
/** Calls `beat()` each half second of a page that is seen: ages, sparklines, sorting, figures. */
export const everyBeat = beat => beats.push(beat)
setInterval(() => document.hidden || beats.forEach(beat => beat()), 500)

/** Writes text where it differs from what was written. */
export function write(node, text) {
	if (node.data !== text) node.data = text
}

/** An element with properties or attributes, and children: never markup. */
export function make(name, attributes = {}, ...children) {
	const element = document.createElement(name)
	for (const [key, value] of Object.entries(attributes)) {
		if (key in element) element[key] = value
		else element.setAttribute(key, value)
	}
	element.append(...children)
	return element
}

/** An element's one text node, to be written to. */
export function textOf(element) {
	if (!element.firstChild) element.append("")
	return element.firstChild
}

/** Colours for canvases, which know no custom properties: what the style sheet makes of them in this theme. */
export const palette = {}
export function readPalette() {
	const probe = document.body.appendChild(document.createElement("i"))
	for (const name of ["text", "soft", "faint", "line", "panel", "accent", "up", "down", "warn", "up-wash", "down-wash"]) {
		probe.style.color = `var(--${name})`
		palette[name] = getComputedStyle(probe).color
	}
	palette.font = getComputedStyle(probe).fontFamily
	probe.remove()
}

/** Sets a canvas to `width` by `height` CSS pixels, sharp on the screen there is; its context draws in those. */
export function fit(canvas, width, height) {
	const ratio = devicePixelRatio || 1
	const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)]
	if (canvas.width !== across) canvas.width = across
	if (canvas.height !== down) canvas.height = down
	const context = canvas.getContext("2d")
	context.setTransform(ratio, 0, 0, ratio, 0, 0)
	context.clearRect(0, 0, width, height)
	context.font = `11px ${palette.font}`
	context.textBaseline = "middle"
	return context
}
