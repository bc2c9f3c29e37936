// `/admin/replay`: every word of a command, and one clear error for each that is none.
import Basics
import Market
import Synchronization
import Testing
import Wire

@testable import FanOut

private func ask(
    _ replay: FakeReplay?, _ method: String = "POST", _ body: String = "", type: String = "application/json"
) -> (status: Int, text: String) {
    var options = ServerOptions(server: "test", epoch: 7) {
        FeedReport(clock: .replay, speedMilli: nil, source: "test")
    }
    options.replay = replay
    var request = HTTPRequest(
        method: method, target: "/admin/replay", path: "/admin/replay", headers: ["Content-Type": type])
    request.body = Array(body.utf8)
    do throws(HTTPFault) {
        let answer = try ReplayPage(options: options).response(
            to: request, from: PeerAddress(v4: 0x7f00_0001, port: 1))
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    } catch {
        return (error.status, error.reason)
    }
}

private let day: Int64 = 1_580_376_600_000_000_000  // 2020-01-30T09:30:00Z

@Test(
    "a command is understood whole",
    arguments: [
        (#"{"action":"pause"}"#, ReplayCommand.pause), (#"{"action":"resume"}"#, .resume),
        (#"{"action":"step"}"#, .step(count: 1)),
        (#"{"action":"step","count":1000000}"#, .step(count: 1_000_000)),
        (#"{"action":"seek","to":"2020-01-30T09:30:00Z"}"#, .seek(.time(Timestamp(raw: day)))),
        (#"{"to":"2020-01-30T09:30:00.000000001Z","action":"seek"}"#, .seek(.time(Timestamp(raw: day + 1)))),
        (#"{"action":"seek","to":1580376600000000000}"#, .seek(.time(Timestamp(raw: day)))),
        (#"{"action":"seek","to":"+30s"}"#, .seek(.offset(.seconds(30)))),
        (#"{"action":"seek","to":"-1.5h"}"#, .seek(.offset(.seconds(-5_400)))),
        (#"{"action":"seek","to":"+250ms"}"#, .seek(.offset(.milliseconds(250)))),
        (#"{"action":"speed","speed":"max"}"#, .speed(.max)),
        (#"{"action":"speed","speed":0.001}"#, .speed(.thousandths(1))),
        (#"{"action":"speed","speed":1000000}"#, .speed(.thousandths(1_000_000_000))),
    ])
func commands(body: String, command: ReplayCommand) {
    let replay = FakeReplay()
    let answer = ask(replay, "POST", body)
    #expect(answer.status == 200 && replay.taken == [command])
    #expect(
        answer.text
            == #"{"type":"replay","state":"paused","time":7,"speed":2.5,"epoch":"1f","from":1,"to":null,"seekable":true,"position":12}"#
            + "\n")
}

@Test(
    "what is no command does nothing and says why",
    arguments: [
        ("", "not JSON: the text ends early at byte 0"), ("[]", "a command is an object"),
        (#"{"action":"stop"}"#, "action is pause"), (#"{"count":1}"#, "action is pause"),
        (#"{"action":"pause","to":1}"#, "to is no field of pause"),
        (#"{"action":"seek","to":1,"why":2}"#, "why is no field of seek"),
        (#"{"action":"step","count":1,"count":2}"#, "a field is there twice"),
        (#"{"action":"step","count":0}"#, "count is"), (#"{"action":"step","count":1000001}"#, "count is"),
        (#"{"action":"step","count":1.5}"#, "count is"), (#"{"action":"step","count":"1"}"#, "count is"),
        (#"{"action":"seek"}"#, "to is"), (#"{"action":"seek","to":"30s"}"#, "to is"),
        (#"{"action":"seek","to":"+30"}"#, "to is"), (#"{"action":"seek","to":"+-30s"}"#, "to is"),
        (#"{"action":"seek","to":"2020-02-30T09:30:00Z"}"#, "to is"),
        (#"{"action":"seek","to":"2020-01-30T09:30:00"}"#, "to is"),
        (#"{"action":"seek","to":"2020-01-30T09:30:60Z"}"#, "to is"),
        (#"{"action":"speed"}"#, "speed is"), (#"{"action":"speed","speed":0}"#, "speed is"),
        (#"{"action":"speed","speed":0.0001}"#, "speed is"), (#"{"action":"speed","speed":"1"}"#, "speed is"),
        (#"{"action":"speed","speed":1000000.001}"#, "speed is"),
        (#"{"action":"pause","a":{"b":{}}}"#, "not JSON: nested too deep"),
    ])
func noCommands(body: String, why: String) {
    let replay = FakeReplay()
    let answer = ask(replay, "POST", body)
    #expect(answer.status == 400 && answer.text.hasPrefix(why), "\(answer)")
    #expect(replay.taken.isEmpty)
}

@Test("methods, types, refusals, and nothing to replay")
func otherAnswers() {
    #expect(ask(FakeReplay(), "GET").status == 200)
    #expect(ask(FakeReplay(), "GET", "{}").status == 400)
    #expect(ask(FakeReplay(), "PUT").status == 405)
    #expect(ask(FakeReplay(), "POST", #"{"action":"pause"}"#, type: "text/plain").status == 415)
    #expect(
        ask(FakeReplay(), "POST", #"{"action":"pause"}"#, type: "Application/JSON; charset=utf-8").status
            == 200)
    #expect(ask(nil, "GET").status == 404 && ask(nil).status == 404)
    let refused = ask(FakeReplay(refusing: "not seekable: a pipe"), "POST", #"{"action":"seek","to":"-1s"}"#)
    #expect(refused == (409, "not seekable: a pipe"))
}
