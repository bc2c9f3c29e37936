// Bars as candles or a line of closes, with their volume below, on one canvas; a crosshair reads them.
//
// Places are times, not numbers of bars: an interval without trades stays empty. What was before the page
// looked is not known, so a chart begins with its first bar and grows.
import * as format from "./format.js"
import { fit, palette, repaint } from "./frame.js"

const most = 3600
const below = 20
const times = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400]

/** Takes a bar message into `bars`: the same start is the same bar, newer. */
export function takeBar(bars, message) {
	const start = Number(message.start.slice(0, -9))
	let place = bars.length
	while (place && bars[place - 1].start >= start) place--
	bars.splice(place, bars[place]?.start === start ? 1 : 0, { ...message, start })
	if (bars.length > most) bars.shift()
}

export class Chart {
	bars = []
	decimals = 2
	kind = "candles"
	/** Seconds of a bar, and the width of its place. */
	step = 1
	place = 9
	width = 0
	height = 0
	/** Of the axis. */
	right = 64
	/** Where the pointer is, or the number of the bar that was chosen by keys. */
	pointer = null
	chosen = null

	constructor(host, readout) {
		this.readout = readout
		const canvas = (this.canvas = host.querySelector("canvas"))
		new ResizeObserver(([{ contentRect }]) => {
			this.width = contentRect.width
			this.height = contentRect.height
			repaint(this)
		}).observe(host)
		canvas.addEventListener("pointermove", event => this.point({ x: event.offsetX, y: event.offsetY }))
		canvas.addEventListener("pointerleave", () => this.point(null))
		canvas.addEventListener("blur", () => this.point(null))
		canvas.addEventListener("keydown", event => this.key(event))
		canvas.addEventListener("wheel", event => {
			event.preventDefault()
			this.place = Math.min(28, Math.max(2, this.place * (event.deltaY < 0 ? 1.15 : 0.87)))
			repaint(this)
		}, { passive: false })
	}

	/** Another symbol or interval; `bars` grow in place, so that their owner can keep them. */
	show(bars, step, decimals) {
		Object.assign(this, { bars, step, decimals })
		this.point(null)
	}

	point(pointer, chosen = null) {
		this.pointer = pointer
		this.chosen = chosen
		repaint(this)
	}

	key(event) {
		const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
		const { length } = this.bars
		if (!by || !length) return
		event.preventDefault()
		event.stopPropagation()
		this.point(null, Math.min(length - 1, Math.max(0, (this.chosen ?? length) + by)))
	}

	paint() {
		if (this.width < 10 || this.height < 40) return
		const pen = fit(this.canvas, this.width, this.height)
		if (!this.bars.length) {
			pen.fillStyle = palette.soft
			pen.textAlign = "center"
			pen.fillText("The chart begins with the next trade.", this.width / 2, this.height / 2)
			return this.readout()
		}
		this.right = 16 + pen.measureText(format.price(this.bars.at(-1).high, this.decimals)).width
		const scale = this.measure()
		this.grid(pen, scale)
		this.bodies(pen, scale)
		if (this.kind === "line") this.line(pen, scale)
		const { close, open } = this.bars.at(-1)
		const level = Math.round(scale.y(close)) + 0.5
		const colour = close < open ? palette.down : palette.up
		stroke(pen, colour, [[0, level, scale.across, level]], [2, 3])
		this.tag(pen, scale.across, level, format.price(close, this.decimals), colour)
		this.crosshair(pen, scale)
	}

	/** The bars that fit, with their prices' range and the scales. */
	measure() {
		const { bars, step, place } = this
		const across = this.width - this.right
		const newest = bars.at(-1).start / step
		let first = bars.length - 1
		while (first > 0 && newest - bars[first - 1].start / step < Math.floor(across / place)) first--
		let [low, high, volume] = [Infinity, -Infinity, 0]
		for (let index = first; index < bars.length; index++) {
			low = Math.min(low, bars[index].low)
			high = Math.max(high, bars[index].high)
			volume = Math.max(volume, bars[index].volume)
		}
		const least = 4 * 10 ** -this.decimals
		if (high - low < least) [low, high] = [(high + low - least) / 2, (high + low + least) / 2]
		const bottom = this.height - below
		const foot = bottom * 0.8
		// While there are few bars they begin at the left, so that a new chart is not an empty one.
		const end = Math.min(across, (newest - bars[first].start / step + 1) * place)
		return {
			first, low, high, volume, across, bottom, foot,
			x: start => end - (newest - start / step + 0.5) * place,
			y: price => 10 + (1 - (price - low) / (high - low)) * (foot - 20),
			price: y => low + (1 - (y - 10) / (foot - 20)) * (high - low),
		}
	}

	/** Lines at round prices and times. */
	grid(pen, { low, high, across, bottom, foot, first, x, y }) {
		const rule = [[across + 0.5, 0, across + 0.5, bottom], [0, bottom + 0.5, this.width, bottom + 0.5]]
		pen.fillStyle = palette.soft
		pen.textAlign = "left"
		const step = Math.max(10 ** -this.decimals, round((high - low) / Math.max(2, foot / 56)))
		for (let price = Math.ceil(low / step) * step; price <= high + step / 1e6; price += step) {
			const level = Math.round(y(price)) + 0.5
			rule.push([0, level, across, level])
			pen.fillText(price.toFixed(this.decimals), across + 8, level)
		}
		pen.textAlign = "center"
		const every = times.find(seconds => (seconds / this.step) * this.place > 76) ?? 86_400
		const last = this.bars.at(-1).start
		for (let time = Math.ceil(this.bars[first].start / every) * every; time <= last; time += every) {
			const place = Math.round(x(time)) + 0.5
			if (place < 26 || place > across - 20) continue
			rule.push([place, 0, place, bottom])
			pen.fillText(format.clock(time), place, bottom + below / 2)
		}
		stroke(pen, palette.line, rule)
	}

	/** Volumes, and candles. Rising ones are hollow where there is room: the way is told by shape, too. */
	bodies(pen, { first, volume, bottom, foot, x, y }) {
		const body = Math.max(1, Math.floor(this.place * 0.7))
		for (let index = first; index < this.bars.length; index++) {
			const bar = this.bars[index]
			const falls = bar.close < bar.open
			const left = Math.round(x(bar.start) - body / 2)
			const tall = ((bottom - foot - 4) * bar.volume) / (volume || 1)
			pen.fillStyle = palette[falls ? "down-wash" : "up-wash"]
			pen.fillRect(left, bottom - tall, body, tall)
			if (this.kind === "line") continue
			const [high, low] = [Math.round(y(bar.high)), Math.round(y(bar.low))]
			const [open, close] = [Math.round(y(bar.open)), Math.round(y(bar.close))]
			const [top, end] = [Math.min(open, close), Math.max(open, close)]
			pen.fillStyle = pen.strokeStyle = falls ? palette.down : palette.up
			pen.fillRect(left + Math.floor(body / 2), high, 1, Math.max(1, low - high))
			pen.fillRect(left, top, body, Math.max(1, end - top))
			if (falls || body < 4 || end - top < 3) continue
			pen.fillStyle = palette.panel
			pen.fillRect(left + 1, top + 1, body - 2, end - top - 2)
		}
	}

	line(pen, { first, x, y, foot }) {
		const bars = this.bars.slice(first)
		pen.beginPath()
		for (const { start, close } of bars) pen.lineTo(x(start), y(close))
		pen.strokeStyle = pen.fillStyle = palette.accent
		pen.lineWidth = 1.5
		pen.stroke()
		pen.lineTo(x(bars.at(-1).start), foot)
		pen.lineTo(x(bars[0].start), foot)
		pen.globalAlpha = 0.08
		pen.fill()
		pen.globalAlpha = 1
	}

	/** A text on the axis. */
	tag(pen, left, level, text, colour, wide = this.right) {
		pen.fillStyle = colour
		pen.fillRect(left + 1, level - 9, wide - 1, 18)
		pen.fillStyle = palette.panel
		pen.textAlign = "left"
		pen.fillText(text, left + 8, level)
	}

	crosshair(pen, { across, bottom, foot, first, x, y, price }) {
		const { pointer, chosen, bars } = this
		const isReading = chosen !== null || (pointer && pointer.x < across)
		let bar = bars[chosen] ?? bars.at(-1)
		if (isReading && pointer) {
			const distance = ({ start }) => Math.abs(x(start) - pointer.x)
			for (const other of bars.slice(first)) if (distance(other) < distance(bar)) bar = other
		}
		this.readout(bar)
		if (!isReading) return
		const place = Math.round(x(bar.start)) + 0.5
		const level = Math.round(pointer ? pointer.y : y(bar.close)) + 0.5
		const cross = [[place, 0, place, bottom]]
		if (level < foot) cross.push([0, level, across, level])
		stroke(pen, palette.soft, cross, [3, 3])
		if (level < foot) this.tag(pen, across, level, price(level).toFixed(this.decimals), palette.soft)
		const text = format.clock(bar.start)
		const wide = pen.measureText(text).width + 16
		const left = Math.min(across - wide, Math.max(0, place - wide / 2))
		this.tag(pen, left, bottom + below / 2, text, palette.soft, wide)
	}
}

function stroke(pen, colour, lines, dash = []) {
	pen.strokeStyle = colour
	pen.lineWidth = 1
	pen.setLineDash(dash)
	pen.beginPath()
	for (const [fromX, fromY, toX, toY] of lines) {
		pen.moveTo(fromX, fromY)
		pen.lineTo(toX, toY)
	}
	pen.stroke()
	pen.setLineDash([])
}

/** The next of 1, 2, 2.5 and 5 times a power of ten. */
function round(step) {
	const power = 10 ** Math.floor(Math.log10(step))
	return power * [1, 2, 2.5, 5, 10].find(factor => factor * power >= step * 0.999)
}
