// What is said when a feed is over.
import Basics
import Market
import TickerFeed
import Testing

@testable import tickerd

@Test("a summary has counts by type, anomalies and rate")
func feedSummary() {
    var report = FeedReport(clock: .replay, speedMilli: nil, source: "x")
    (report.messages, report.ticks, report.rounds, report.hasEnded) = (3_226, 3_990, 1, true)
    report.anomaliesByKind = [.init("bad_length", 0), .init("unknown_type", 2), .init("time_backwards", 1)]
    let input = InputReport(
        source: "x", bytesRead: 98_211, bytesTotal: 98_211,
        counts: [
            FeedCount("types.A", 1_340), FeedCount("types.D", 0), FeedCount("types.E", 310),
            FeedCount("lines", 7),
        ])
    #expect(
        FeedSummary(report, input, elapsed: .milliseconds(4_002)).text == """
            feed ended: 3226 messages, 3990 ticks in 4.002 s, 806 messages/s
              types             A 1340, E 310
              lines             all 7
              anomalies         unknown_type 2, time_backwards 1

            """)
    report.fault = "x: offset 7: cut"
    #expect(FeedSummary(report, nil, elapsed: .zero).text.hasPrefix("feed broken off: 3226 messages, "))
}

@Test("a summary of what did not end says so, and how many rounds there were")
func feedSummaryStopped() {
    var report = FeedReport(clock: .replay, speedMilli: nil, source: "x")
    report.rounds = 3
    #expect(
        FeedSummary(report, nil, elapsed: .seconds(1)).text == """
            feed stopped: 0 messages, 0 ticks in 1.000 s, 0 messages/s
              rounds            3, and of the last one:
              anomalies         none

            """)
}
