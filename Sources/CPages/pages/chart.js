// Bars as candles or a line of closes, with their volume below, on one canvas; a crosshair reads them.
//
// Places are times, not numbers of bars: an interval without trades stays empty. What was before the page
// looked is not known, so a chart begins with its first bar and grows.
import * as format from "./format.js"
import { fit, palette, repaint } from "./frame.js"

const most = 3600
const [narrowest, widest] = [2, 28]
const below = 20

export class Chart {
  bars = []
  decimals = 2
  kind = "candles"
  step = 1
  /** The width of a bar's place. */
  place = 9
  width = 0
  height = 0
  /** The bar under the crosshair: where the pointer is, or which the keys chose. */
  pointer = null
  chosen = null
  right = 64

  constructor(host, canvas, readout) {
    this.canvas = canvas
    this.readout = readout
    new ResizeObserver(([{ contentRect }]) => {
      this.width = contentRect.width
      this.height = contentRect.height
      repaint(this)
    }).observe(host)
    canvas.addEventListener("pointermove", event => this.point(event.offsetX, event.offsetY))
    canvas.addEventListener("pointerleave", () => this.point(null))
    canvas.addEventListener("wheel", event => this.zoom(event), { passive: false })
    canvas.addEventListener("keydown", event => this.key(event))
    canvas.addEventListener("blur", () => this.choose(null))
  }

  /** Another symbol or interval; `bars` go on growing in place, so they can be kept by their owner. */
  show(bars, { seconds, decimals }) {
    this.bars = bars
    this.step = seconds
    this.decimals = decimals
    this.chosen = this.pointer = null
    repaint(this)
  }

  /** Takes a bar message into `bars`: the same start is the same bar, newer. */
  static take(bars, message) {
    const start = Number(message.start.slice(0, -9))
    const bar = { ...message, start }
    const last = bars.length - 1
    if (last >= 0 && bars[last].start === start) bars[last] = bar
    else if (last < 0 || bars[last].start < start) bars.push(bar)
    else {
      const place = bars.findIndex(other => other.start >= start)
      bars.splice(place, bars[place].start === start ? 1 : 0, bar)
    }
    if (bars.length > most) bars.splice(0, bars.length - most)
  }

  point(x, y) {
    this.pointer = x === null ? null : { x, y }
    this.chosen = null
    repaint(this)
  }

  choose(index) {
    this.chosen = index
    repaint(this)
  }

  zoom(event) {
    event.preventDefault()
    this.place = Math.min(widest, Math.max(narrowest, this.place * (event.deltaY < 0 ? 1.15 : 1 / 1.15)))
    repaint(this)
  }

  key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (!by || !this.bars.length) return
    event.preventDefault()
    event.stopPropagation()
    const from = this.chosen ?? (by < 0 ? this.bars.length : -1)
    this.pointer = null
    this.choose(Math.min(this.bars.length - 1, Math.max(0, from + by)))
  }

  /** The bars that fit, with their prices' range and the scales. */
  measure() {
    const { bars } = this
    const across = this.width - this.right
    const places = Math.max(1, Math.floor(across / this.place))
    const newest = bars[bars.length - 1].start / this.step
    const oldest = newest - places + 1
    let first = bars.length - 1
    while (first > 0 && bars[first - 1].start / this.step >= oldest) first--
    let low = Infinity
    let high = -Infinity
    let volume = 0
    for (let index = first; index < bars.length; index++) {
      const bar = bars[index]
      low = Math.min(low, bar.low)
      high = Math.max(high, bar.high)
      volume = Math.max(volume, bar.volume)
    }
    const least = 4 * 10 ** -this.decimals
    if (high - low < least) {
      const middle = (high + low) / 2
      low = middle - least / 2
      high = middle + least / 2
    }
    const bottom = this.height - below
    const foot = bottom * 0.8
    // While there are few bars they begin at the left, so that a new chart is not an empty one.
    const shift = Math.min(across, (newest - bars[first].start / this.step + 1) * this.place)
    return {
      first, low, high, volume, across, bottom, foot,
      x: bar => shift - (newest - bar.start / this.step + 0.5) * this.place,
      y: price => 10 + (1 - (price - low) / (high - low)) * (foot - 20),
    }
  }

  paint() {
    if (this.width < 10 || this.height < 40) return
    const context = fit(this.canvas, this.width, this.height)
    context.font = `11px ${palette.font}`
    context.textBaseline = "middle"
    if (!this.bars.length) {
      context.fillStyle = palette.soft
      context.textAlign = "center"
      context.fillText("No bar yet: the chart begins with the next trade.", this.width / 2, this.height / 2)
      this.readout("")
      return
    }
    this.right = 16 + context.measureText(format.price(this.bars.at(-1).high, this.decimals)).width
    const scale = this.measure()
    this.grid(context, scale)
    this.volumes(context, scale)
    if (this.kind === "line") this.line(context, scale)
    else this.candles(context, scale)
    this.newest(context, scale)
    this.crosshair(context, scale)
  }

  /** Lines at round prices and times. */
  grid(context, { low, high, across, bottom, foot, first, x, y }) {
    const step = round((high - low) / Math.max(2, foot / 56))
    context.strokeStyle = palette.line
    context.fillStyle = palette.soft
    context.lineWidth = 1
    context.textAlign = "left"
    context.beginPath()
    for (let price = Math.ceil(low / step) * step; price <= high + step / 1e6; price += step) {
      const level = Math.round(y(price)) + 0.5
      context.moveTo(0, level)
      context.lineTo(across, level)
      context.fillText(price.toFixed(Math.max(this.decimals, 0)), across + 8, level)
    }
    context.moveTo(across + 0.5, 0)
    context.lineTo(across + 0.5, bottom)
    context.moveTo(0, bottom + 0.5)
    context.lineTo(this.width, bottom + 0.5)
    const every = times.find(seconds => (seconds / this.step) * this.place > 76) ?? 86_400
    const last = this.bars.at(-1)
    context.textAlign = "center"
    for (let time = Math.ceil(this.bars[first].start / every) * every; time <= last.start; time += every) {
      const place = Math.round(x({ start: time })) + 0.5
      if (place < 24 || place > across - 20) continue
      context.moveTo(place, 0)
      context.lineTo(place, bottom)
      context.fillText(this.step < 60 ? format.clock(time) : format.clock(time).slice(0, 5), place, bottom + below / 2)
    }
    context.stroke()
  }

  volumes(context, { first, volume, bottom, foot, x }) {
    if (!volume) return
    const body = Math.max(1, Math.floor(this.place * 0.7))
    for (let index = first; index < this.bars.length; index++) {
      const bar = this.bars[index]
      const tall = Math.max(1, ((bottom - foot - 4) * bar.volume) / volume)
      context.fillStyle = bar.close < bar.open ? palette["down-wash"] : palette["up-wash"]
      context.fillRect(Math.round(x(bar) - body / 2), bottom - tall, body, tall)
    }
  }

  candles(context, { first, x, y }) {
    const body = Math.max(1, Math.floor(this.place * 0.7))
    context.lineWidth = 1
    for (let index = first; index < this.bars.length; index++) {
      const bar = this.bars[index]
      const falls = bar.close < bar.open
      const left = Math.round(x(bar) - body / 2)
      const middle = left + Math.floor(body / 2)
      const [up, down] = [Math.round(y(Math.max(bar.open, bar.close))), Math.round(y(Math.min(bar.open, bar.close)))]
      context.fillStyle = context.strokeStyle = falls ? palette.down : palette.up
      context.fillRect(middle, Math.round(y(bar.high)), 1, Math.max(1, Math.round(y(bar.low)) - Math.round(y(bar.high))))
      // Rising bars are hollow where there is room: the way is told by shape, too.
      if (falls || body < 4) context.fillRect(left, up, body, Math.max(1, down - up))
      else {
        context.fillStyle = palette.panel
        context.fillRect(left, up, body, Math.max(1, down - up))
        context.strokeRect(left + 0.5, up + 0.5, body - 1, Math.max(0, down - up - 1))
      }
    }
  }

  line(context, { first, x, y, foot }) {
    context.beginPath()
    for (let index = first; index < this.bars.length; index++) context.lineTo(x(this.bars[index]), y(this.bars[index].close))
    context.strokeStyle = palette.accent
    context.lineWidth = 1.5
    context.lineJoin = "round"
    context.stroke()
    if (this.bars.length - first === 1) context.fillRect(x(this.bars[first]) - 2, y(this.bars[first].close) - 2, 4, 4)
    context.lineTo(x(this.bars.at(-1)), foot)
    context.lineTo(x(this.bars[first]), foot)
    context.globalAlpha = 0.08
    context.fillStyle = palette.accent
    context.fill()
    context.globalAlpha = 1
  }

  /** The newest close, on the axis. */
  newest(context, { across, y }) {
    const bar = this.bars.at(-1)
    const level = Math.round(y(bar.close)) + 0.5
    const colour = bar.close < bar.open ? palette.down : palette.up
    context.strokeStyle = colour
    context.setLineDash([2, 3])
    context.beginPath()
    context.moveTo(0, level)
    context.lineTo(across, level)
    context.stroke()
    context.setLineDash([])
    this.tag(context, across, level, format.price(bar.close, this.decimals), colour)
  }

  tag(context, across, level, text, colour) {
    context.fillStyle = colour
    context.fillRect(across + 1, level - 9, this.right - 1, 18)
    context.fillStyle = palette.panel
    context.textAlign = "left"
    context.fillText(text, across + 8, level)
  }

  crosshair(context, scale) {
    const { across, bottom, foot, low, high, first, x, y } = scale
    let bar = this.bars[this.chosen ?? this.bars.length - 1]
    const isReading = this.chosen !== null || (this.pointer && this.pointer.x < across)
    if (this.pointer && isReading) {
      let nearest = Infinity
      for (let index = first; index < this.bars.length; index++) {
        const distance = Math.abs(x(this.bars[index]) - this.pointer.x)
        if (distance < nearest) [nearest, bar] = [distance, this.bars[index]]
      }
    }
    this.readout(bar)
    if (!isReading) return
    const place = Math.round(x(bar)) + 0.5
    const level = this.pointer ? this.pointer.y : y(bar.close)
    context.strokeStyle = palette.faint
    context.setLineDash([3, 3])
    context.beginPath()
    context.moveTo(place, 0)
    context.lineTo(place, bottom)
    if (level < foot) {
      context.moveTo(0, Math.round(level) + 0.5)
      context.lineTo(across, Math.round(level) + 0.5)
    }
    context.stroke()
    context.setLineDash([])
    if (level < foot) {
      const price = low + (1 - (level - 10) / (foot - 20)) * (high - low)
      this.tag(context, across, level, price.toFixed(this.decimals), palette.soft)
    }
    const text = format.clock(bar.start)
    const wide = context.measureText(text).width + 12
    const left = Math.min(across - wide, Math.max(0, place - wide / 2))
    context.fillStyle = palette.soft
    context.fillRect(left, bottom + 1, wide, below - 2)
    context.fillStyle = palette.panel
    context.fillText(text, left + 6, bottom + below / 2)
  }
}

const times = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800]

/** The next of 1, 2, 2.5 and 5 times a power of ten. */
function round(step) {
  const power = 10 ** Math.floor(Math.log10(step))
  return power * [1, 2, 2.5, 5, 10].find(factor => factor * power >= step * 0.999)
}
