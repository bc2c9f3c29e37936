#!/usr/bin/env node
// Prints a line for each update: node watch.mjs http://127.0.0.1:7400/ AAPL MSFT
//
//     --channel quote   or trade, book, bar, stats, status
//     --transport auto  or websocket, events, poll         --encoding json  or sbe, over WebSocket
//     --rate 10         updates a second, "max"             --json           whole messages, and statuses
//
// A token is taken from TICKERFEED_TOKEN. Node 20 has a WebSocket only with --experimental-websocket; without,
// it watches over events.
import { parseArgs } from "node:util"
import { connect } from "./tickerfeed.js"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    channel: { type: "string", default: "quote" }, transport: { type: "string", default: "auto" },
    encoding: { type: "string", default: "json" }, rate: { type: "string", default: "10" }, json: { type: "boolean" },
  },
})
const [url, ...symbols] = positionals
const { channel, transport, encoding, rate, json } = values
if (!symbols.length || !URL.canParse(url)) {
  console.error("watch.mjs: node watch.mjs http://127.0.0.1:7400/ AAPL MSFT, an address and symbols")
  process.exit(2)
}
// Who reads has gone home: | head -1
process.stdout.on("error", () => process.exit(0))
const feed = connect({ url, transport, encoding, token: process.env.TICKERFEED_TOKEN })
const watched = feed.subscribe(symbols, { channel, rate: rate === "max" ? rate : Number(rate), crc: channel === "book" })

function line({ type, sym, ...said }, book) {
  switch (type) {
  case "quote": return `${sym} ${said.bid} × ${said.bid_size}  ${said.ask} × ${said.ask_size}`
  case "trade": return said.broken ? `${sym} broken ${said.broken}` : `${sym} ${said.price} × ${said.size} ${said.side ?? ""}`
  case "book": return `${sym} ${book.bids.slice(0, 3).join("  ")} | ${book.asks.slice(0, 3).join("  ")}`
  default: return `${sym} ${JSON.stringify(said)}`
  }
}

watched.on("update", (message, book) => console.log(json ? JSON.stringify({ ...message, book }) : line(message, book)))
watched.on("gap", gap => console.log(json ? JSON.stringify(gap) : `${gap.sym} lost ${gap.from} to ${gap.to}: ${gap.reason}`))
watched.on("refused", ({ symbol, code }) => console.error(`${symbol}: ${code}`))
feed.on("status", status => {
  if (json) console.log(JSON.stringify({ type: "connection", ...status }))
  else console.error(`${status.state} over ${status.transport}${status.reason ? `: ${status.reason.message}` : ""}`)
  if (status.state === "closed") process.exitCode = 1
})
