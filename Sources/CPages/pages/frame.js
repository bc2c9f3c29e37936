// One loop of animation frames for the whole page. It sleeps while there is nothing to paint.
//
// Invariants
//   - Who has something to paint says so once, however often it changed: the newest is painted.
//   - A painter does a bounded piece of work, writes only, and returns true where more is left for the next frame.
//   - While the page is hidden there are no frames, so nothing is painted and nothing piles up.

let due = []
let painting = []
let asked = false

/** Has `painter.paint(now)` called in the next frame. */
export function repaint(painter) {
  if (painter.isDue) return
  painter.isDue = true
  due.push(painter)
  if (!asked) {
    asked = true
    requestAnimationFrame(frame)
  }
}

function frame(now) {
  asked = false
  const turn = due
  due = painting
  painting = turn
  for (const painter of turn) {
    painter.isDue = false
    try {
      if (painter.paint(now)) repaint(painter)
    } catch (error) {
      console.error(error)
    }
  }
  turn.length = 0
}

const beats = new Set()
/** Calls `beat()` each half second of a page that is seen: ages, sparklines, sorting, figures. */
export function everyBeat(beat) {
  beats.add(beat)
  return () => beats.delete(beat)
}
setInterval(() => {
  if (!document.hidden) for (const beat of beats) beat()
}, 500)

/** Writes text where it differs from what was written. */
export function write(node, text) {
  if (node.data !== text) node.data = text
}

/** An element with properties, children and attributes (`data-…`, `aria-…`, `role`): never markup. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key in element && !key.includes("-") && key !== "list") element[key] = value
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

// Colours for canvases, which do not know custom properties: what the style sheet makes of them, read when the theme changes.
const names = ["text", "soft", "faint", "line", "panel", "accent", "up", "down", "warn", "up-wash", "down-wash"]
export const palette = {}
export function readPalette() {
  const probe = document.body.appendChild(document.createElement("i"))
  for (const name of names) {
    probe.style.color = `var(--${name})`
    palette[name] = getComputedStyle(probe).color
  }
  palette.font = getComputedStyle(document.body).fontFamily
  probe.remove()
}

/** Sets a canvas to `width` by `height` CSS pixels, sharp on the screen there is; its context draws in those. */
export function fit(canvas, width, height) {
  const ratio = devicePixelRatio || 1
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across
    canvas.height = down
  }
  const context = canvas.getContext("2d")
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  return context
}
