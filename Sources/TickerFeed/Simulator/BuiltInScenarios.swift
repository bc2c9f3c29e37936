// The scenarios that every server has, as their files in feeds/scenarios say them.

extension Scenario {
    /// By name, in the order of the help.
    static let builtIn: [(name: String, text: String)] = [
        (
            "default",
            """
            # Well-known US stocks on an ordinary day.
            symbols = 24
            rate = 1640             # messages a second of all together

            """
        ),
        (
            "quiet-day",
            """
            # A holiday between two weekends: little happens, and now and then nothing at all.
            symbols = 24
            rate = 60
            volatility = 40
            lull-every = 20s        # a symbol, drawn each time,
            lull = 3m               # says nothing for so long

            """
        ),
        (
            "opening-auction",
            """
            # Orders are collected and may cross; at the opening each symbol trades once at one price.
            symbols = 24
            rate = 3000
            open = 60s
            spread = 1s             # the crosses of all symbols take so long

            """
        ),
        (
            "burst",
            """
            # A hundred times the usual rate for some seconds of each minute.
            symbols = 24
            rate = 1640
            burst-at = 10s
            burst = 5s
            burst-every = 60s
            burst-factor = 100

            """
        ),
        (
            "flash-crash",
            """
            # One symbol falls, is paused (LUDP), and comes back by an auction.
            symbols = 24
            rate = 1640
            crash-symbol = AAPL
            crash-at = 30s
            crash = 8s
            crash-percent = 10
            pause = 30s             # five minutes where it is real
            reopening = 15s
            recovery = 60s
            crash-every = 5m

            """
        ),
        (
            "feed-gap",
            """
            # Messages are lost: books are suspect until they were sent anew.
            symbols = 24
            rate = 1640
            spread = 100ms
            gap-at = 20s
            gap = 500ms             # all that is said in this time is lost
            gap-symbol = all
            mend = 3s               # until the books come
            gap-every = 60s

            """
        ),
        (
            "8000-symbols",
            """
            # A whole market; activity falls with the rank (Zipf), the busiest has 3 % of it.
            symbols = 8000
            rate = 200000
            spread = 2s             # the symbols open in turn

            """
        ),
        (
            "uniform",
            """
            # For measuring: S0, S1, … in turn, evenly, each message a changed best bid or offer.
            market = uniform
            symbols = 500
            rate = 25000

            """
        ),
    ]
}
