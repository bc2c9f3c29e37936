// A React hook: the newest message of each symbol, and the connection's status.
//
//     const { state, status } = useTickerFeed(feed, ["AAPL", "MSFT"], { channel: "quote", rate: 5 })
//     state.get("AAPL")?.bid
//
// `feed` is made once, outside of components: `const feed = connect()`. Symbols and options may be written in
// place: a subscription is made anew only when they say something else.
import { useEffect, useState } from "react"

export function useTickerFeed(feed, symbols, options = {}) {
  const [seen, setSeen] = useState({ state: new Map(), status: feed.status })
  const asked = JSON.stringify([symbols, options])
  useEffect(() => {
    const subscription = feed.subscribe(...JSON.parse(asked))
    const show = () => setSeen({ state: new Map(subscription.state), status: feed.status })
    const off = [subscription.on("update", show), feed.on("status", show), feed.on("epoch", show)]
    show()
    return () => {
      subscription.close()
      for (const end of off) end()
    }
  }, [feed, asked])
  return seen
}
